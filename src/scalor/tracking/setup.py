"""From weights and a video to a tracker: device, scale, and the picture of the empty scene."""

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from scalor.core.devices import pick_device
from scalor.core.words import counted
from scalor.data.backdrop import EmptyScene, empty_scene
from scalor.data.candidates import temporal_median
from scalor.data.images import DEFAULT_FPS, ImageFrames
from scalor.data.source import VideoSource, shrink, smoothed
from scalor.data.steady import Steady, steadied
from scalor.errors import UserError
from scalor.pretrained import Loaded, load_all
from scalor.tracking.stored import (
    CHANGED,
    backdrops_of,
    changed,
    learned_from,
    number_of,
    scale_of,
    size_seen,
    smooth_of,
)
from scalor.tracking.tracker import Tracker
from scalor.tracking.view import View

SAMPLES = 99
"""Frames that a new median image is made of."""
GLANCE = 15
"""Frames that tell whether a stored median image shows this place; a new one of fewer is a poor one."""
LARGER = 4.0
"""Frames of more than this many times the area that weights were learned on are worth a word."""
SLOWER = 1.5
"""So many times fewer frames per second than weights were learned at, too: at half of them cars of `traffic` break."""
MOST_CHANGED = 0.3
"""A stored image is of another place when more than this share of its pixels have `changed`."""
SAME = 0.5
"""And, before a film that it was not made of, when the edges of the two correlate by less. Scenes of thirty films with
themselves: 0.89 and more, but for spots in grain (0.39); with a logo or a clock 0.67; most, mirrored, -0.1 to 0.3."""
SAME_BETWEEN = 0.7
"""Things stand before the scene of fewer than `GLANCE` frames. Beside what has changed the edges of single frames of
two films correlate with those of their scenes by 0.85 to 0.99, mirrored by 0.34 to 0.56, of others by 0.15 at most."""


@dataclass(frozen=True)
class Prepared:
    """A tracker ready for a video, and in words where its median image comes from (None: it needs none).

    ``doubt`` says in a sentence why the weights may not fit the video, "" where nothing speaks against it.
    """

    tracker: Tracker
    backdrop: str | None
    doubt: str = ""


def load(name_or_path: str | PathLike[str] | Loaded, *, device: str = "auto") -> Loaded:
    """Weights by the name of a packaged set, from a run folder or from a file; ``.model`` is the world model itself.

    What is loaded already is moved to ``device``, the model itself too, and stays where it is with ``auto``. Raises
    UserError where there are no such weights or device, or where the file is not the one that its card describes.
    """
    if isinstance(name_or_path, Loaded):
        return name_or_path if device == "auto" else name_or_path.to(pick_device(device))
    return load_all(name_or_path, pick_device(device))


def prepare(
    weights: str | PathLike[str] | Loaded,
    source: VideoSource,
    *,
    device: str = "auto",
    min_visibility: float = 0.25,
    before: int | None = None,
) -> Prepared:
    """A tracker with the scale of its weights, and the median image of the video if its background is one.

    The stored image is used where it shows the place that the video shows, else one is made of up to 99 frames. A video
    of that place in more or fewer pixels is seen at the size that the weights were learned on.
    ``before``: frames from this number on are not looked at for it.
    """
    loaded = load(weights, device=device)
    backdrop: np.ndarray | EmptyScene | None
    words, filmed = None, loaded.model.config.needs_backdrop
    scale, backdrop = _at_home(loaded, source, before) if filmed else (scale_of(loaded, source), None)
    doubt = _doubt(loaded, source, scale)
    if filmed:
        words = "stored with the weights"
        if backdrop is None:
            view = View.of(source.height, source.width, scale=scale, cell=1)
            size, smooth = (view.rows, view.columns), smooth_of(loaded)
            backdrop, count = scene_of(source, size, count=SAMPLES, smooth=smooth, before=before)
            words = (
                f"estimated from {counted(count, 'frame')} {'of this video' if before is None else 'before the future'}"
            )
            doubt = doubt or (_hasty(source, count) if before is not None and count < GLANCE else "")
    # With the whole of the weights: smoothing and the noise of each pixel come along with them.
    tracker = Tracker(
        loaded,
        scale=scale,
        backdrop=backdrop,
        min_visibility=min_visibility,
        # Real footage has one-frame ghosts; made clips have none worth a frame of delay, nor has a film of one frame.
        confirm=2 if filmed and source.count() != 1 else 1,
        video=number_of(loaded, source) if loaded.model.config.videos > 1 else 0,
    )
    return Prepared(tracker, words, doubt)


def _doubt(loaded: Loaded, source: VideoSource, scale: float) -> str:
    return _too_large(loaded, source, scale) or _too_few(loaded, source)


def _too_few(loaded: Loaded, source: VideoSource) -> str:
    rates = [entry["fps"] for entry in loaded.card.get("footage") or () if entry.get("fps")]
    told = not (isinstance(source, ImageFrames) and source.fps == DEFAULT_FPS)
    if not (rates and told) or source.fps * SLOWER > min(rates) or learned_from(loaded, source):
        return ""
    return (
        f"these weights were learned at {min(rates):g} frames per second and {source.name} has {source.fps:g}: things "
        "go farther from frame to frame than they know, and fast ones may break off; learn from this video with "
        "scalor fit"
    )


def _too_large(loaded: Loaded, source: VideoSource, scale: float) -> str:
    seen = size_seen(loaded)
    view = View.of(source.height, source.width, scale=scale, cell=1)
    if seen is None or view.rows * view.columns <= LARGER * seen[0] * seen[1]:
        return ""
    return (
        f"these weights were learned on frames of {seen[1]}x{seen[0]} px and {source.name} is shown to them at "
        f"{view.columns}x{view.rows} px: objects may be of other sizes than they know, and it takes long; "
        "learn from this video with scalor fit"
    )


def _hasty(source: VideoSource, count: int) -> str:
    return (
        f"the empty scene of {source.name} is estimated from {counted(count, 'frame')}, those before the future: what "
        "hardly moved in them passes for ground; begin later (--start), look longer (--observe), or learn from this "
        "video with scalor fit"
    )


def scene_of(
    source: VideoSource, size: tuple[int, int], *, count: int, smooth: float = 0.0, before: int | None = None
) -> tuple[EmptyScene, int]:
    """The empty scene, of ``size``, from up to ``count`` frames spread over the video, and how many there were.

    ``smooth`` is the std of the Gaussian by which frames are smoothed, in pixels of ``size``; ``before``: only frames
    of lower numbers are looked at.

    Raises UserError where no frame can be decoded.
    """
    pictures = (frame.image for frame in source.sample(count, before=before))
    sampled = [smoothed(shrink(image, size), smooth) for image in pictures if image is not None]
    if not sampled:
        there = "" if before is None else f" before number {before}"
        raise UserError(
            f"{source.name} has no frame{there} that can be decoded; a playable video is wanted; re-encode it"
        )
    frames = np.stack(sampled)
    frames = frames[steadied(frames, temporal_median(frames))]
    return empty_scene(frames), len(frames)


def _at_home(loaded: Loaded, source: VideoSource, before: int | None) -> tuple[float, np.ndarray | None]:
    """The scale at which a video is seen, and the stored image that shows its place, if there is one."""
    usual = scale_of(loaded, source)
    view = View.of(source.height, source.width, scale=usual, cell=1)
    sizes = {(view.rows, view.columns): usual}
    for image in backdrops_of(loaded):
        height, width = image.shape[:2]
        scale = scale_to(source.height, source.width, height, width)
        if scale is not None:
            sizes.setdefault((height, width), scale)
    for size, scale in sizes.items():
        backdrop = _stored_backdrop(loaded, source, size, before)
        if backdrop is not None:
            return scale, backdrop
    return usual, None


def scale_to(height: int, width: int, rows: int, columns: int) -> float | None:
    """A scale, at most 1, that takes a source of height and width to rows and columns; None where there is none."""
    least = max((rows - 0.5) / height, (columns - 0.5) / width)
    most = min((rows + 0.5) / height, (columns + 0.5) / width, 1.0)
    return (least + most) / 2 if least <= most else None


def _stored_backdrop(
    loaded: Loaded, source: VideoSource, size: tuple[int, int], before: int | None
) -> np.ndarray | None:
    """The stored image that looks like this video at the network's size, if there is one."""
    fitting = [image for image in backdrops_of(loaded) if image.shape[:2] == size]
    if not fitting:
        return None
    glance, count = scene_of(source, size, count=GLANCE, smooth=smooth_of(loaded), before=before)
    shares = [changed(image, glance.image) for image in fitting]
    best = int(np.argmin(shares))
    if shares[best] > MOST_CHANGED:
        return None
    # Grey asphalt has the colours of any other; in grain alone there are no edges to tell the place from.
    place = Steady(fitting[best])
    alike = bool(learned_from(loaded, source)) or place.fits(glance.image) >= SAME
    alike = alike or (count < GLANCE and place.fits(glance.image, level=CHANGED) >= SAME_BETWEEN)
    return fitting[best] if alike else None


def described(loaded: Loaded, name: object) -> dict[str, Any]:
    """What a summary says about weights: their name, their file's SHA-256, and where they look if not everywhere."""
    region = {"region": loaded.card["region"]} if loaded.card.get("region") else {}
    return {"weights": str(name), "weights_sha256": loaded.card.get("sha256"), **region}
