"""What weights learned from footage bring along for tracking: their scale and the pictures of their empty scenes."""

import numpy as np
import torch
from torch import Tensor

from scalor.models.base import WorldModel
from scalor.pretrained import Loaded


def model_of(model: WorldModel | Loaded) -> WorldModel:
    """The world model itself."""
    return model.model if isinstance(model, Loaded) else model


def scale_of(model: WorldModel | Loaded, video: str | None = None) -> float:
    """How much smaller the frames were that the weights were learned on, 1.0 where nothing is known.

    ``video`` is the name of a source: where the weights know it, its own scale counts.
    """
    if not isinstance(model, Loaded):
        return 1.0
    own = [entry["scale"] for entry in model.card.get("footage") or () if entry.get("name") == video]
    return float((own or [model.card.get("scale") or 1.0])[0])


def number_of(model: WorldModel | Loaded, video: str) -> int:
    """Which of the videos that the weights were learned on has this source's name; 0 where none has."""
    footage = (model.card.get("footage") or ()) if isinstance(model, Loaded) else ()
    return next((number for number, entry in enumerate(footage) if entry.get("name") == video), 0)


def backdrops_of(model: WorldModel | Loaded) -> list[np.ndarray]:
    """The median images in a weights file (its extra tensors ``backdrop...``), uint8 [h, w, C]."""
    found: list[np.ndarray] = []
    extra = model.extra if isinstance(model, Loaded) else {}
    for name in sorted(extra):
        image = extra[name]
        if name.startswith("backdrop") and image.dim() >= 3:
            found += [_as_uint8(each) for each in image.reshape(-1, *image.shape[-3:])]
    return found


def _as_uint8(image: Tensor) -> np.ndarray:
    """[C, h, w], uint8 or in [0, 1], as uint8 [h, w, C]."""
    if image.dtype != torch.uint8:
        image = (image.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy())
