"""Learned baselines of the paper and its relatives, under the one contract (`scalor.models.base`)."""
