"""What weights learned from footage bring along for tracking: their scale and the pictures of their empty scenes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor.data.fingerprints import former_fingerprint
from scalor.data.moving import Cover
from scalor.data.picture_names import natural_key
from scalor.data.sizes import frame_side
from scalor.data.source import VideoSource
from scalor.errors import UserError
from scalor.models.base import WorldModel
from scalor.pretrained import Loaded

CHANGED = 25
"""Grey levels by which a pixel must differ to show another place."""


def model_of(model: WorldModel | Loaded) -> WorldModel:
    """The world model itself."""
    return model.model if isinstance(model, Loaded) else model


def scale_of(model: WorldModel | Loaded, video: VideoSource | int | None = None) -> float:
    """How much smaller the frames were that the weights were learned on, 1.0 where nothing is known.

    Where the weights know the video, or its number came, its own scale counts.
    """
    if not isinstance(model, Loaded):
        return 1.0
    footage = model.card.get("footage") or ()
    number = _known(model, video) if isinstance(video, VideoSource) else video
    if number is not None and number < len(footage):
        return float(footage[number]["scale"])
    return _number(model, "scale", 1.0)


def smooth_of(model: WorldModel | Loaded) -> float:
    """Std of the Gaussian by which the frames were smoothed that the weights were learned on, in network pixels."""
    return _number(model, "smooth", 0.0) if isinstance(model, Loaded) else 0.0


def _number(loaded: Loaded, key: str, otherwise: float) -> float:
    """What a card says. Raises UserError where that is no number."""
    said = loaded.card.get(key) or otherwise
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise UserError(f"the card of the weights says {key} {said!r}; a number is wanted; fetch the card again")
    return float(said)


def number_of(model: WorldModel | Loaded, video: VideoSource) -> int:
    """Which of the videos that the weights were learned on this source is; 0 where it is none of them."""
    return (_known(model, video) or 0) if isinstance(model, Loaded) else 0


def learned_from(loaded: Loaded, video: VideoSource) -> list[int]:
    """The videos of the weights with this one's contents, by their numbers."""
    footage = loaded.card.get("footage") or ()
    prints = {video.fingerprint} | ({former_fingerprint(video.path)} if video.path is not None else set())
    return [n for n, entry in enumerate(footage) if entry.get("fingerprint") and entry["fingerprint"] in prints]


def _known(loaded: Loaded, video: VideoSource) -> int | None:
    """The video of the weights with this one's contents; else the only one with its name and its size."""
    footage, same = loaded.card.get("footage") or (), learned_from(loaded, video)
    named = [n for n, entry in enumerate(footage) if entry.get("name") == video.name]
    both = [n for n in same if n in named]
    if both or same:
        return (both or same)[0]
    alike = [n for n in named if _could_be(footage[n], video)]
    return alike[0] if len(alike) == 1 else None


def _could_be(entry: Mapping[str, Any], video: VideoSource) -> bool:
    """Whether a video learned from, stored at its scale, has this one's size: a copy saved anew, say."""
    scale, height, width = entry.get("scale"), entry.get("height"), entry.get("width")
    if not (scale and height and width):
        return True
    sides = ((height, video.source_height), (width, video.source_width))
    return all(abs(seen - whole * scale) <= 1 for seen, whole in sides)


def chosen_video(loaded: Loaded, video: int | None) -> int | None:
    """The number of the wanted video among those that the weights were learned on, None where none was asked for.

    Raises UserError where there is no such one, or none was asked for and each has a learned background of its own.
    """
    names = [str(entry.get("name", "")) for entry in loaded.card.get("footage") or ()]
    count = max(loaded.model.config.videos, len(names))
    if (video is None and loaded.model.config.videos <= 1) or (video is not None and 0 <= video < count):
        return video
    known = ", ".join(f"{n} ({names[n]})" if n < len(names) else str(n) for n in range(min(count, 20)))
    said = "these weights have a background for each of their videos" if video is None else f"video is {video}"
    raise UserError(f"{said}; one of {known} is wanted; choose it with --video" if count else f"{said}; they know none")


def size_seen(loaded: Loaded, video: int | None = None) -> tuple[int, int] | None:
    """Height and width of the largest frames that the weights were learned on, or those of one video, as the network
    saw them."""
    seen = list(loaded.card.get("footage") or ())
    seen = seen[video : video + 1] or seen if video is not None else seen
    footage = [(entry["height"], entry["width"]) for entry in seen if "height" in entry and "width" in entry]
    if footage:
        return max(footage, key=lambda size: size[0] * size[1])
    side = frame_side(str(loaded.card.get("data", "")))
    return None if side is None else (side, side)


def backdrops_of(model: WorldModel | Loaded) -> list[np.ndarray]:
    """The median images in a weights file (its extra tensors ``backdrop...``), uint8 [h, w, C], in their order."""
    found: list[np.ndarray] = []
    extra = model.extra if isinstance(model, Loaded) else {}
    for name in sorted(extra, key=natural_key):
        image = extra[name]
        if name.startswith("backdrop") and image.dim() >= 3:
            found += [_as_uint8(each) for each in image.reshape(-1, *image.shape[-3:])]
    return found


def changed(image: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels of two pictures uint8 [h, w, C] of one size that show other places."""
    gap = np.abs(image.astype(np.int16).mean(axis=2) - other.astype(np.int16).mean(axis=2))
    return float((gap > CHANGED).mean())


def noise_of(model: WorldModel | Loaded | None, backdrop: np.ndarray) -> Tensor | None:
    """The standard deviation over time of the pixels of a stored median image, float32 [h, w] in 0..1; None where this
    is another image, or its noise was not stored."""
    noise = _beside(model, backdrop, "noise")
    return None if noise is None else noise.float()


def sways_of(model: WorldModel | Loaded | None, backdrop: np.ndarray) -> np.ndarray | None:
    """Where things sway before a stored median image, uint8 [h, w] as of `scalor.data.sway`; None as for `noise_of`."""
    sways = _beside(model, backdrop, "sways")
    return None if sways is None else sways.to(torch.uint8).cpu().numpy()


def cover_of(model: WorldModel | Loaded | None, backdrop: np.ndarray) -> Cover | None:
    """How frames are known of which something covers too much, beside a stored median image; None as for `noise_of`."""
    name = _name_of(model, backdrop)
    entries = model.card.get("footage") or () if isinstance(model, Loaded) else ()
    known = [
        each["cover"] for each in entries if name is not None and each.get("backdrop") == name and each.get("cover")
    ]
    return Cover(*known[0]) if known else None


def _name_of(model: WorldModel | Loaded | None, backdrop: np.ndarray) -> str | None:
    """The name of the stored median image that is this picture."""
    extra = model.extra if isinstance(model, Loaded) else {}
    for name, image in extra.items():
        if name.startswith("backdrop") and image.dim() == 3 and np.array_equal(_as_uint8(image), backdrop):
            return name
    return None


def _beside(model: WorldModel | Loaded | None, backdrop: np.ndarray, what: str) -> Tensor | None:
    """What is stored of each pixel [h, w] beside a median image that is this picture."""
    name = _name_of(model, backdrop)
    if name is None or not isinstance(model, Loaded):
        return None
    found = model.extra.get(name.replace("backdrop", what))
    return found if found is not None and found.dim() == 2 else None


def _as_uint8(image: Tensor) -> np.ndarray:
    """[C, h, w], uint8 or in [0, 1], as uint8 [h, w, C]."""
    if image.dtype != torch.uint8:
        image = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())
