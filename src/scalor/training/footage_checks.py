"""Checks of footage before a training: it is refused where nothing moves, or where the camera does."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from scalor.data.footage import ObjectStats
from scalor.data.source import VideoSource
from scalor.data.video import open_video
from scalor.errors import UserError


def named_once(videos: Sequence[str | os.PathLike[str]], say: Callable[[str], None]) -> list[str | os.PathLike[str]]:
    """The videos without those that are named a second time, which is said."""
    named: dict[Path, str | os.PathLike[str]] = {}
    for video in videos:
        place = Path(video).absolute()
        if place in named:
            say(f"{os.fspath(video)} is given twice; it counts once")
        named.setdefault(place, video)
    return list(named.values())


def refuse_larger(source: VideoSource, height: float, width: float) -> None:
    """Raises UserError where an object is said to be larger than the frames."""
    if height > source.height or width > source.width:
        raise UserError(
            f"an object of {height:g} x {width:g} px (data.object_height, data.object_width) does not fit into "
            f"{source.name}, which is {source.height} x {source.width} px; its size in pixels of the video is wanted"
        )


def refuse_still(paths: Sequence[str | os.PathLike[str]], surveys: Sequence[ObjectStats]) -> None:
    """Raises UserError where nothing moves in any of the videos, and nobody says how large what moves is."""
    if not any(stats.contrast > 0 or stats.confidence > 0 or stats.pans for stats in surveys):
        names = ", ".join(Path(path).name for path in paths)
        if all(len(open_video(path).first(2)) == 1 for path in paths):
            raise UserError(
                f"there is one frame in {names}, and in one frame nothing can move; a video of at least two is wanted"
            )
        raise UserError(
            f"nothing moves in {names}; objects that move are wanted; give another video, or the objects' "
            "size if they are too faint to be noticed: --set data.object_height=PIXELS"
        )


def refuse_moving_camera(paths: Sequence[str | os.PathLike[str]], surveys: Sequence[ObjectStats]) -> None:
    """Raises UserError where a camera does not stay in its place."""
    for path, stats in zip(paths, surveys, strict=True):
        if stats.pans:
            raise UserError(
                f"the camera of {Path(path).name} moves on and a camera that stays in one place is wanted; cut out a "
                "part in which it does, stabilise the video, or learn the background: --set "
                "model.background.family=lattice"
            )
