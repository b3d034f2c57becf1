"""How large the frames of the generated data sets are, by their names."""

from scalor.data import balls, benchmark_sets, digits, sprites


def frame_side(data: str) -> int | None:
    """Side in pixels of the square frames of ``sprites-md`` and the like; None for what is not generated here."""
    family, _, kind = data.partition(":")[0].partition("-")
    if family == "sprites" and kind in sprites.PRESETS:
        return sprites.sprites(kind).size
    if family == "balls" and kind in balls.PRESETS:
        return balls.balls(kind).size
    if data in benchmark_sets.SETS:
        return benchmark_sets.SETS[data].size
    return digits.digits(kind).size if family == "digits" and kind in digits.PRESETS else None
