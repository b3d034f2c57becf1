"""From boxes read off some frames to MOTChallenge rows of all frames between them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

Box = tuple[float, float, float, float, float]
"""Left, top, right, bottom in pixels (left edge of pixel 0 is 0.0), and the share of the object that can be seen."""


def box_at(keys: Mapping[int, Box], frame: int) -> Box:
    """The box of one object at a frame between the first and the last keyframe."""
    before = max(key for key in keys if key <= frame)
    after = min(key for key in keys if key >= frame)
    share = 0.0 if after == before else (frame - before) / (after - before)
    left, top, right, bottom, seen = (a + share * (b - a) for a, b in zip(keys[before], keys[after], strict=True))
    return left, top, right, bottom, seen


def rows(keyframes: Mapping[int, Mapping[int, Box]]) -> Iterator[str]:
    """The lines of the file, sorted by frame and id; keyframes are 0-based, lines 1-based."""
    everyone = [(frame, name) for name, keys in keyframes.items() for frame in range(min(keys), max(keys) + 1)]
    for frame, name in sorted(everyone):
        left, top, right, bottom, seen = box_at(keyframes[name], frame)
        yield f"{frame + 1},{name},{left + 1:.1f},{top + 1:.1f},{right - left:.1f},{bottom - top:.1f},1,1,{seen:.2f}"


def write(keyframes: Mapping[int, Mapping[int, Box]], target: Path) -> None:
    partial = target.with_suffix(".partial")
    partial.write_text("\n".join(rows(keyframes)) + "\n", encoding="ascii")
    os.replace(partial, target)
