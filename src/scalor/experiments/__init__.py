"""Above the presets, below the command line: the paper's tables and figures made again, its numbers beside ours."""

from scalor.experiments.reproduce import Options, reproduce, write_results

__all__ = ["Options", "reproduce", "write_results"]
