"""The example for Slurm asks for each part once, with paths as they are."""

import os
import re
import subprocess
from pathlib import Path

from scalor.cli.main import build

SCRIPT = Path(__file__).parents[2] / "examples" / "fleet_slurm.sh"


def test_each_task_of_the_array_asks_for_its_part(tmp_path: Path) -> None:
    stub = tmp_path / "scalor"
    stub.write_text('#!/bin/bash\nprintf "%s\\n" "$OMP_NUM_THREADS" "$@"\n')
    stub.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    for number in (1, 3):
        task = {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_CPUS_PER_TASK": "2"}
        words = ["bash", str(SCRIPT), "run", "out dir", "a b.mp4", "c.mp4"]
        done = subprocess.run(words, env={"PATH": path} | task, capture_output=True, text=True, check=True)
        threads, *words = done.stdout.splitlines()
        asked = build().parse_args(words).fleet
        assert threads == "2" and asked.videos == ["a b.mp4", "c.mp4"]
        assert (asked.weights, asked.out, asked.part) == ("run", "out dir", f"{number}/3")


def test_the_array_starts_at_one() -> None:
    assert re.search(r"^#SBATCH --array=1-\d+$", SCRIPT.read_text(), re.MULTILINE)
