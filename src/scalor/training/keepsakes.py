"""What tracking needs of the footage that weights were learned from, for the card and the file of weights."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from scalor.data.footage import Footage
from scalor.training.checkpoint import Plan


def keepsakes(plan: Plan, footage: Footage) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What tracking needs of the footage: the scale, the empty scenes (backdrop, backdrop.1, ...) and their noise.

    The noise (noise, noise.1, ...) is float32 [h, w], the standard deviation of each pixel over time in 0..1; where
    things sway (sways, sways.1, ...) is uint8 [h, w], for the videos in which there are such places.
    """
    entries = [
        {
            "name": reel.name,
            "scale": scale,
            "height": reel.size[0],
            "width": reel.size[1],
            "fps": reel.fps,
            "backdrop": _backdrop_name(number),
            "fingerprint": reel.fingerprint,
            "cover": None if reel.cover is None else [reel.cover.level, reel.cover.most, reel.cover.like],
        }
        for number, (reel, scale) in enumerate(zip(footage.reels, plan.scales, strict=True))
    ]
    extra = {
        _backdrop_name(number): torch.from_numpy(reel.background.copy()).permute(2, 0, 1).contiguous()
        for number, reel in enumerate(footage.reels)
    }
    extra |= {
        _backdrop_name(number).replace("backdrop", "noise"): torch.from_numpy(reel.noise / np.float32(255))
        for number, reel in enumerate(footage.reels)
    }
    extra |= {
        _backdrop_name(number).replace("backdrop", "sways"): torch.from_numpy(reel.sways)
        for number, reel in enumerate(footage.reels)
        if reel.sways is not None
    }
    scale = sorted(plan.scales)[len(plan.scales) // 2]
    card = {"scale": scale, "smooth": plan.smooth, "footage": entries}
    return card | ({"region": plan.region} if plan.region else {}), extra


def _backdrop_name(number: int) -> str:
    return "backdrop" if number == 0 else f"backdrop.{number}"
