"""Numbers in sentences."""


def counted(number: int, thing: str) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
