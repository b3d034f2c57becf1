#!/bin/bash
# Many videos as an array of jobs, without any job knowing of another:
#     sbatch fleet_slurm.sh WEIGHTS OUT VIDEO...
# Each task takes every fiftieth video. Submit it again after a failure or a time limit: finished videos are skipped.
#SBATCH --job-name=scalor
#SBATCH --array=1-50
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=08:00:00
set -euo pipefail
weights=$1 out=$2
shift 2
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
scalor fleet "$@" -w "$weights" -o "$out" --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
