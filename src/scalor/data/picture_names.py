"""What the names of pictures say: their order, numbers that are left out, and whether they are of several kinds."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

EVEN = 0.8
"""Share of steps between the numbers in names that must be alike for the others to be gaps."""
POINT, COMMA = (re.compile(rf"(?<![0-9{m}])([0-9]+)(?:{m}([0-9]+))?(?![0-9]|{m}[0-9])") for m in (r"\.", ","))
"""Whole numbers and fractions; of three parted by points, as in versions, none is one."""
SIGNED = re.compile("(?<![0-9])-?[0-9]+")
CLOCK = re.compile("(?:[0-9]{6}|[0-9]{8})?([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])([0-9]{3})?")
"""A time of day in hours, minutes, seconds and perhaps milliseconds, behind a date or alone."""
DAY = 24 * 60 * 60 * 1000


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which ``f2`` comes before ``f10``; digits count as numbers, letters ignore case."""
    parts = re.findall(r"\d+|\D+", text)  # digits of any script
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part.casefold()) for part in parts)


def in_order(stems: Sequence[str]) -> Callable[[str], Any]:
    """The natural key of these names, with signs and fractions where dashes, points and commas can be nothing else."""
    in_full = _numbers(stems)
    return lambda stem: natural_key(in_full(stem))


def _numbers(stems: Sequence[str]) -> Callable[[str], str]:
    """What writes signs and fractions so that names are alike but for their digits."""
    signed = _signs(stems)
    in_full = _fractions([signed(stem) for stem in stems])
    return lambda stem: in_full(signed(stem))


def _signs(stems: Sequence[str]) -> Callable[[str], str]:
    """What counts numbers from the least one, where a dash stands before some of them, and 0 is there: t-1 comes
    before t0. A dash before all of them parts them from the name."""
    columns = list(zip(*(SIGNED.findall(stem) for stem in stems), strict=False))
    below = [{int(number) for number in column if number.startswith("-")} for column in columns]
    above = [{int(number) for number in column if not number.startswith("-")} for column in columns]
    mixed = {place for place, found in enumerate(below) if found and 0 in above[place] and 0 not in found}
    if not mixed or len({SIGNED.sub("#", stem) for stem in stems}) > 1:
        return str
    least = min(int(number) for place in mixed for number in columns[place])

    def counted(stem: str) -> str:
        places = count()
        return SIGNED.sub(lambda found: str(int(found[0]) - least) if next(places) in mixed else found[0], stem)

    return counted


def _fractions(stems: Sequence[str]) -> Callable[[str], str]:
    """What writes fractions in full. Digits behind a point, or a comma, are those of one where programs wrote numbers
    with as many as they need, so that their counts differ and no zero ends them: t0.5 comes after t0.25, t1s before
    t1.5s, shot1.9 before shot1.10."""
    for pattern in (POINT, COMMA):
        numbers = [pattern.findall(stem) for stem in stems]
        tails = [tail for row in numbers for _, tail in row if tail]
        if tails:
            break
    else:
        return str
    alike = len({pattern.sub("#", stem) for stem in stems}) == 1
    whole = alike and any(len({bool(tail) for _, tail in column}) > 1 for column in zip(*numbers, strict=True))
    width = max(map(len, tails))
    if any(tail.endswith("0") and tail != "0" for tail in tails) or (not whole and {*map(len, tails)} == {width}):
        return str

    def padded(found: re.Match[str]) -> str:
        return f"{found[1]}.{found[2] or '':0<{width}}" if found[2] or whole else found[0]

    return lambda stem: pattern.sub(padded, stem)


def kinds_words(files: Sequence[Path]) -> tuple[str, ...]:
    """Whether the names are of several kinds, not each of its own: those of masks, say, of two cameras, or copies."""
    in_full = _numbers([file.stem for file in files])
    kinds = Counter(re.sub("^-?[0-9]+$|[0-9]+", "#", in_full(file.stem)) for file in files)
    if len(kinds) < 2 or (min(kinds.values()) < 2 and max(kinds.values()) < EVEN * len(files)):
        return ()
    shown = ", ".join(f"{count} like {kind}" for kind, count in kinds.most_common(3)) + ", ..." * (len(kinds) > 3)
    return (f"names of {len(kinds)} kinds are all taken for frames ({shown})",)


def skipped(files: Sequence[Path]) -> dict[int, int]:
    """Where the number that changes in the names leaves some out, though it counts evenly almost everywhere.

    Times of day are counted in milliseconds where they are even so: a minute ends at 59 seconds.
    """
    counted = _signs([file.stem for file in files])
    rows = [re.findall("[0-9]+", counted(file.stem)) for file in files]
    if len(files) < 3 or not all(rows):
        return {}
    alike = len({re.sub("[0-9]+", "#", file.stem) for file in files}) == 1
    changing = [column for column in zip(*rows, strict=True) if len({*column}) > 1] if alike else []
    told = changing[-1] if changing else [row[-1] for row in rows]
    times = [CLOCK.fullmatch(number) for number in told]
    clock = [_milliseconds(time) for time in times if time]
    left_out = _left_out(np.diff(clock) % DAY) if len(clock) == len(told) else None
    return (_left_out(np.diff([int(number) for number in told])) if left_out is None else left_out) or {}


def _milliseconds(time: re.Match[str]) -> int:
    """Since midnight."""
    hours, minutes, seconds, rest = (int(part or 0) for part in time.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def _left_out(steps: np.ndarray) -> dict[int, int] | None:
    """How many are left out before which row; None where the steps are not even."""
    usual = int(np.median(steps))
    if usual < 1 or (steps == usual).mean() < EVEN or (steps % usual).any():
        return None
    return {row + 1: int(step) // usual - 1 for row, step in enumerate(steps) if step > usual}
