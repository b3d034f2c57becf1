"""Clips of the packaged real films, cut as those of Grand Central Station are: square looks of a fixed camera.

A clip is one crop, fixed in time, of about ten frames per second. The first four fifths of each film are for training,
the last fifth for testing: no frame is in both. The clips have no truth.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch

from scalor.data.clip import Clip
from scalor.data.video import open_video
from scalor.errors import UserError

FILMS = ("traffic", "people")
"""Cars from above, and people who stand at a table: 10 s at 24 and 66 s at 10 frames per second."""
CROPS = (0.0, 0.5, 1.0)
"""Left sides of the crops, as shares of the room that a square as high as the film leaves beside it."""
TRAIN_SHARE = 0.8
"""Of each film's time. Grand Central has 0.9; a tenth of the shorter film holds hardly more than one clip."""
CLIP_FPS = 10.0
"""A film's frames are thinned to about so many per second: cars move by 4 px of 64 then."""


@dataclass(frozen=True)
class Natural:
    """The clips of one split, a pure function of (seed, index): films take turns, start and crop are drawn.

    split   "train" or "test"
    frames  frames per clip
    size    side of a clip's picture in pixels, scaled down bilinearly from the crop
    """

    split: str = "train"
    seed: int = 0
    frames: int = 10
    size: int = 64
    length: int = 1_000_000

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise UserError(f"split is {self.split!r}; wanted 'train' or 'test'; choose one of them")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index`` with ``frames`` frames (None: the data set's); shorter clips are beginnings, longer ones may
        start elsewhere.

        Raises IndexError outside 0 .. length - 1 and UserError for more frames than a film's part has.
        """
        frames = self.frames if frames is None else frames
        if not 0 <= index < self.length:
            raise IndexError(f"clip {index} of {self.length}")
        name = FILMS[index % len(FILMS)]
        film, fps = decoded(name, self.size)
        skip = max(1, round(fps / CLIP_FPS))
        first, end = part_of(len(film), self.split)
        starts = end - first - (max(frames, self.frames) - 1) * skip
        if starts <= 0:
            there, wanted = (end - first - 1) // skip + 1, max(frames, self.frames)
            raise UserError(
                f"the {self.split} part of {name} has {there} frames; {wanted} are wanted for a clip; ask for fewer"
            )
        rng = np.random.default_rng([self.seed, index])
        start, crop = first + int(rng.integers(starts)), int(rng.integers(len(CROPS)))
        chosen = film[start : start + (frames - 1) * skip + 1 : skip, crop]
        video = torch.from_numpy(chosen).permute(0, 3, 1, 2).contiguous()
        return Clip(video=video, fps=fps / skip, name=f"{name}-{self.split}-{start}-{crop}")


def part_of(count: int, split: str) -> tuple[int, int]:
    """First frame of a split of a film of ``count`` frames, and the frame after its last."""
    cut = int(TRAIN_SHARE * count)
    return (0, cut) if split == "train" else (cut, count)


@lru_cache(maxsize=4)
def decoded(name: str, size: int) -> tuple[np.ndarray, float]:
    """All crops of a packaged film, uint8 [T, len(CROPS), size, size, 3], in the order of its frames; and its fps.

    Raises UserError where a frame of it cannot be decoded.
    """
    source = open_video(str(files("scalor.data") / "assets" / f"{name}.mp4"))
    looks = []
    for frame in source:
        if frame.image is None:
            raise UserError(f"frame {frame.index} of {name} cannot be decoded; install the package again")
        looks.append(_looks(frame.image, size))
    return np.stack(looks), source.fps


def _looks(image: np.ndarray, size: int) -> np.ndarray:
    """The crops of a frame uint8 [H, W, 3], uint8 [len(CROPS), size, size, 3]."""
    from PIL import Image

    height, width = image.shape[:2]
    left = [round(share * (width - height)) for share in CROPS]
    cuts = [Image.fromarray(image[:, x : x + height]) for x in left]
    return np.stack([np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR)) for cut in cuts])
