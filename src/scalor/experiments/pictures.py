"""Tiles of figures: frames, reconstructions with boxes and identities, and what each object looks like alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from scalor.core.devices import denormals_flushed
from scalor.core.types import TRACKING, Step
from scalor.data.clip import Clip
from scalor.models.base import WorldModel
from scalor.rollout import Rollout, observe
from scalor.tracking.report import to_picture, visible_share
from scalor.viz.draw import track_color

TILE = 256
"""Side of a tile in pixels."""
LEAST_SEEN = 0.25


@dataclass(frozen=True)
class Story:
    """A clip, uint8 frames [T, H, W, 3], and what a model made of it (a batch of one)."""

    frames: np.ndarray
    rollout: Rollout

    def tiles(self, kind: str, times: Sequence[int]) -> list[np.ndarray]:
        """Tiles at ``times`` of ``kind``: input, boxes, objects, background, foreground or alpha."""
        return [self._tile(kind, time) for time in times]

    def _tile(self, kind: str, time: int) -> np.ndarray:
        step = self.rollout.steps[time]
        if kind == "input":
            return enlarged(self.frames[time])
        if kind == "objects":
            return object_sheet(step, 0)
        if kind == "boxes":
            return boxed(to_picture(step.image[0]), step, 0)
        planes = {
            "background": step.background[0],
            "alpha": step.alpha[0],
            "foreground": step.image[0] - (1 - step.alpha[0]) * step.background[0],
        }
        return enlarged(to_picture(planes[kind]))


@torch.no_grad()
def story_of(model: WorldModel, clip: Clip) -> Story:
    """Look at a clip in the deterministic tracking mode."""
    with denormals_flushed():
        rollout = observe(model, clip.video[None].float() / 255, TRACKING)
    return Story(np.stack([to_picture(frame.float() / 255) for frame in clip.video]), rollout)


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A square tile without smoothing, uint8 [TILE, TILE, 3]."""
    return np.asarray(Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.NEAREST))


def boxed(picture: np.ndarray, step: Step, element: int) -> np.ndarray:
    """A tile with the tight boxes of the objects that are seen and their identities."""
    tile = Image.fromarray(enlarged(picture))
    draw, scale = ImageDraw.Draw(tile), TILE / picture.shape[1]
    height, width = picture.shape[:2]
    seen = visible_share(step, height=height, width=width)[element] >= LEAST_SEEN
    for slot in (step.slots.shown[element] & seen).nonzero()[:, 0].tolist():
        name = int(step.slots.id[element, slot])
        left, top, right, bottom = (scale * value for value in step.tight[element, slot].tolist())
        draw.rectangle([left, top, max(left, right), max(top, bottom)], outline=track_color(name))
        _name(draw, (left + 2, top), name)
    return np.asarray(tile)


def object_sheet(step: Step, element: int) -> np.ndarray:
    """Every carried object painted alone on black, in the order of the identities, as one tile."""
    looks = object_patches(step, element)
    across = max(1, math.ceil(math.sqrt(len(looks))))
    side = TILE // across
    tile = Image.new("RGB", (TILE, TILE))
    draw = ImageDraw.Draw(tile)
    for number, (name, patch) in enumerate(looks):
        place = (number % across * side, number // across * side)
        tile.paste(Image.fromarray(patch).resize((side - 1, side - 1), Image.Resampling.NEAREST), place)
        _name(draw, place, name)
    return np.asarray(tile)


def object_patches(step: Step, element: int) -> list[tuple[int, np.ndarray]]:
    """(identity, uint8 [P, P, 3]) of the carried objects of a batch element, sorted by identity."""
    layers, found = step.layers, []
    for slot in step.slots.shown[element].nonzero()[:, 0].tolist():
        mine = (layers.batch == element) & (layers.slot == int(step.origin[element, slot]))
        for row in mine.nonzero()[:, 0].tolist():
            found.append((int(step.slots.id[element, slot]), to_picture(layers.patch[row, :-1])))
    return sorted(found, key=lambda look: look[0])


def moments(length: int, most: int) -> list[int]:
    """At most ``most`` evenly spread frame numbers of a clip."""
    return sorted({round(i * (length - 1) / max(1, most - 1)) for i in range(most)}) if length else []


def _name(draw: ImageDraw.ImageDraw, place: tuple[float, float], name: int) -> None:
    font = ImageFont.load_default(9)
    draw.text(place, str(name), (255, 255, 255), font, stroke_width=1, stroke_fill=(0, 0, 0))
