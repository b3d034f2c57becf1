"""Numbers and paths in sentences."""

from pathlib import Path


def counted(number: int, thing: str) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def typed(path: str | Path) -> str:
    """A path as a command takes it: one that begins with a dash would be an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
