"""Pictures of a training: frames, reconstruction, background and masks of a few clips as one PNG."""

from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from scalor.core.files import put_in_place
from scalor.core.types import TRACKING, Step
from scalor.models.base import WorldModel
from scalor.rollout import observe, scenery_of
from scalor.training.batches import Batch

CLIPS, FRAMES, LEAST_SIDE = 3, 4, 160
GOLDEN = 0.618034


@torch.no_grad()
def picture(model: WorldModel, batch: Batch) -> Image.Image:
    """Per clip four rows (frames, reconstruction with tight boxes, background, masks), in one picture."""
    video = batch.video[:CLIPS].float() / 255
    few = batch.part(slice(CLIPS))
    backdrop = None if few.backdrop is None else few.backdrop.float() / 255
    rollout = observe(model, video, TRACKING, scenery_of(video, backdrop, few.which, few.top))
    length = video.shape[1]
    times = sorted({round(i * (length - 1) / max(1, FRAMES - 1)) for i in range(FRAMES)})
    rows = []
    for clip in range(video.shape[0]):
        steps = [rollout.steps[time] for time in times]
        rows.append([_image(video[clip, time]) for time in times])
        rows.append([_boxes(_image(step.image[clip]), step, clip) for step in steps])
        rows.append([_image(step.background[clip]) for step in steps])
        rows.append([_image(step.alpha[clip]) for step in steps])
    return _sheet(rows)


def save_picture(image: Image.Image, path: Path) -> Path:
    """Write a PNG; it appears whole or not at all."""
    return put_in_place(path, lambda staging: image.save(staging, format="PNG"))


def _image(planes: Tensor) -> Image.Image:
    """[C, H, W] in [0, 1] as a picture of at least LEAST_SIDE pixels, without smoothing."""
    pixels = (planes.clamp(0, 1) * 255).round().to(torch.uint8).cpu().expand(3, -1, -1).permute(1, 2, 0).numpy()
    factor = max(1, -(-LEAST_SIDE // min(pixels.shape[:2])))
    size = (pixels.shape[1] * factor, pixels.shape[0] * factor)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def _boxes(image: Image.Image, step: Step, clip: int) -> Image.Image:
    factor = image.width / step.image.shape[-1]
    draw = ImageDraw.Draw(image)
    for number in step.slots.shown[clip].nonzero()[:, 0].tolist():
        left, top, right, bottom = (factor * value for value in step.tight[clip, number].tolist())
        hue = round(360 * (int(step.slots.id[clip, number]) * GOLDEN % 1.0))
        draw.rectangle([left, top, max(left, right), max(top, bottom)], outline=f"hsl({hue}, 100%, 60%)")
    return image


def _sheet(rows: list[list[Image.Image]]) -> Image.Image:
    width, height, gap = rows[0][0].width, rows[0][0].height, 2
    sheet = Image.new("RGB", (len(rows[0]) * (width + gap) - gap, len(rows) * (height + gap) - gap), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(image, (x * (width + gap), y * (height + gap)))
    return sheet
