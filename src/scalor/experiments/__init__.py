"""Above the presets, below the command line: everything the paper shows, made again: its numbers, ours beside them, and its figures."""

from scalor.experiments.reproduce import Options, reproduce, write_results

__all__ = ["Options", "reproduce", "write_results"]
