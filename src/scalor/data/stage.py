"""The stage on which toy objects play: closed-form motion, painting by depth, and the exact truth about the picture."""

from dataclasses import dataclass

import numpy as np
import torch

from scalor.data.clip import Clip, Truth


@dataclass(frozen=True)
class Cast:
    """Objects in painting order (the last one is in front), each drawn into its own patch in every frame.

    alpha   float32 [T, N, P, P]  coverage of the patch's pixels in [0, 1]; zero where the object does not exist
    corner  int64   [T, N, 2]     view column and row (x, y) of the patch's first pixel, may lie outside the view
    color   float32 [N, C]        in [0, 1]; or of each pixel of the patch, [T, N, P, P, C]
    center  float32 [T, N, 2]     centre (x, y) of the full object in view pixels
    extent  float32 [N, 2]        width and height of the full object in pixels, or [T, N, 2] where they change
    solid   a pixel belongs to an object where the object's own alpha reaches this
    """

    alpha: np.ndarray
    corner: np.ndarray
    color: np.ndarray
    center: np.ndarray
    extent: np.ndarray
    solid: float = 0.5


def launch(
    rng: np.random.Generator, extent: np.ndarray, canvas: float, speed: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Random starts (centres) wholly inside a square canvas and velocities of random direction: [N, 2] each, in px."""
    count = len(extent)
    heading, pace = rng.uniform(0, 2 * np.pi, count), rng.uniform(*speed, count)
    start = extent / 2 + rng.uniform(0, 1, (count, 2)) * (canvas - extent)
    return start, pace[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)


def bounce(start: np.ndarray, velocity: np.ndarray, low: np.ndarray, high: np.ndarray, frames: int) -> np.ndarray:
    """Uniform motion reflected at ``low`` and ``high`` in closed form: [N, 2] each, in pixels -> [frames, N, 2]."""
    room = np.maximum(high - low, 1e-6)
    travelled = (start - low) + velocity * np.arange(frames)[:, None, None]
    folded = np.abs((travelled + room) % (2 * room) - room)
    return low + folded


def patch_corner(center: np.ndarray, side: int) -> np.ndarray:
    """Whole-pixel corner (x, y) of a ``side`` px patch around each centre, [..., 2] -> int64 [..., 2]."""
    return np.floor(center - side / 2 + 0.5).astype(np.int64)


def paint(cast: Cast, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the cast over the ``background`` float32 [T, H, W, C], back to front.

    Returns the picture float32 [T, H, W, C] and the owner map int16 [T, H, W] (-1 for the background).
    """
    frames, count, side, _ = cast.alpha.shape
    _, height, width, channels = background.shape
    # A margin of one patch all round takes what sticks out, so that no patch needs clipping.
    tall, wide = height + 2 * side, width + 2 * side
    picture = np.zeros((frames, tall, wide, channels), np.float32)
    picture[:, side:-side, side:-side] = background
    owner = np.full((frames, tall, wide), -1, np.int16)
    flat_picture, flat_owner = picture.reshape(-1, channels), owner.reshape(-1)
    column = np.clip(cast.corner[..., 0], -side, width) + side
    row = np.clip(cast.corner[..., 1], -side, height) + side
    first = (np.arange(frames)[:, None] * tall + row) * wide + column
    inside = (np.arange(side)[:, None] * wide + np.arange(side)).reshape(-1)
    touches = (column > 0) & (column < width + side) & (row > 0) & (row < height + side)
    alpha = cast.alpha.reshape(frames, count, side * side)
    for n in range(count):
        cover = alpha[touches[:, n], n].reshape(-1)
        pixel = (first[touches[:, n], n, None] + inside).reshape(-1)
        drawn = np.flatnonzero(cover)
        cover, pixel = cover[drawn], pixel[drawn]
        below = flat_picture[pixel]
        color = cast.color[n] if cast.color.ndim == 2 else cast.color[touches[:, n], n].reshape(-1, channels)[drawn]
        flat_picture[pixel] = below + cover[:, None] * (color - below)
        flat_owner[pixel[cover >= cast.solid]] = n
    return picture[:, side:-side, side:-side], owner[:, side:-side, side:-side]


def _area_in_view(cast: Cast, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each object's full mask, and those of them inside the view: int64 [T, N] each."""
    solid = cast.alpha >= cast.solid
    place = np.arange(cast.alpha.shape[-1])
    column, row = (cast.corner[..., axis, None] + place for axis in (0, 1))
    across, down = (column >= 0) & (column < width), (row >= 0) & (row < height)
    full = solid.sum((2, 3))
    return full, (solid & down[..., :, None] & across[..., None, :]).sum((2, 3))


def renew_ids(in_view: np.ndarray) -> np.ndarray:
    """Identities 0, 1, ... in order of appearance for bool [T, N]; a return to the view is a new one, -1 outside."""
    before = np.concatenate([np.zeros_like(in_view[:1]), in_view[:-1]])
    enters = in_view & ~before
    fresh = np.cumsum(enters.reshape(-1)).reshape(enters.shape) * enters
    # Ids only grow with time, so the latest entrance of each object is the largest so far.
    return np.where(in_view, np.maximum.accumulate(fresh, axis=0) - 1, -1).astype(np.int64)


def witness(cast: Cast, owner: np.ndarray) -> Truth:
    """The truth about a painted cast, counted from its masks and the owner map int16 [T, H, W]."""
    frames, height, width = owner.shape
    count = cast.alpha.shape[1]
    full, shown = _area_in_view(cast, height, width)
    key = (owner.astype(np.int64) + 1) + np.arange(frames)[:, None, None] * (count + 1)
    seen = np.bincount(key.reshape(-1), minlength=frames * (count + 1)).reshape(frames, count + 1)[:, 1:]
    ids = renew_ids(shown > 0)
    limit = np.array([width, height], np.float32)
    near = np.clip(cast.center - cast.extent / 2, 0, limit)
    far = np.clip(cast.center + cast.extent / 2, 0, limit)
    box = np.concatenate([near, far - near], -1) * (ids >= 0)[..., None]
    longest = cast.extent.max(-1, initial=0)
    return Truth(
        id=torch.from_numpy(ids),
        box_tlwh=torch.from_numpy(box.astype(np.float32)),
        center=torch.from_numpy(cast.center.astype(np.float32)),
        visibility=torch.from_numpy((seen / np.maximum(full, 1)).astype(np.float32)),
        size=torch.from_numpy((longest.mean(0) if longest.ndim == 2 else longest).astype(np.float32)),
        owner=torch.from_numpy(np.ascontiguousarray(owner)),
    )


def truth_of_boxes(box: np.ndarray, visibility: np.ndarray, owner: np.ndarray) -> Truth:
    """The truth about people known by boxes; one column per identity, numbered in order of appearance.

    box         float [T, N, 4]  left, top, width, height of the whole object, may lie outside the view; NaN: not there
    visibility  float [T, N]     share of the object that is seen
    owner       int   [T, H, W]  index n of each pixel's object, -1 for the background

    Who leaves the view and returns is somebody else, as everywhere. An object's size is the mean of its longer side.
    """
    frames, height, width = owner.shape
    limit = np.array([width, height], np.float64)
    near = np.clip(box[..., :2], 0, limit)
    far = np.clip(box[..., :2] + box[..., 2:], 0, limit)
    in_view = (far > near).all(-1)  # false where the box is NaN
    ids = renew_ids(in_view)
    time, column = np.nonzero(in_view)
    place = time, ids[time, column]
    shape = frames, int(ids.max(initial=-1)) + 1

    def spread(values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        out = np.full((*shape, *values.shape[2:]), fill, np.float32)
        out[place] = values[time, column]
        return out

    there = np.full(shape, -1, np.int64)
    there[place] = place[1]
    longest = np.nan_to_num(spread(box[..., 2:].max(-1), np.nan)).sum(0) / np.maximum((there >= 0).sum(0), 1)
    named = np.full((frames, box.shape[1] + 1), -1, np.int16)
    named[:, :-1] = ids
    return Truth(
        id=torch.from_numpy(there),
        box_tlwh=torch.from_numpy(spread(np.concatenate([near, far - near], -1))),
        center=torch.from_numpy(spread(box[..., :2] + box[..., 2:] / 2)),
        visibility=torch.from_numpy(spread(visibility)),
        size=torch.from_numpy(longest.astype(np.float32)),
        owner=torch.from_numpy(np.take_along_axis(named, owner.reshape(frames, -1), 1).reshape(owner.shape)),
    )


def perform(cast: Cast, background: np.ndarray, *, name: str, fps: float = 10.0) -> Clip:
    """Paint the cast over the ``background`` float32 [T, H, W, C] in [0, 1] and write down the truth."""
    picture, owner = paint(cast, background)
    video = torch.from_numpy((picture * 255 + 0.5).astype(np.uint8)).permute(0, 3, 1, 2).contiguous()
    return Clip(video=video, truth=witness(cast, owner), fps=fps, name=name)
