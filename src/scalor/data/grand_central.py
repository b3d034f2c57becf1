"""Grand Central Station: one long recording as a folder of ``<integer>.png``, seen through eight overlapping crops.

A clip is one crop, fixed in time, of every eighth frame. The first 90 % of the time are for training (any start frame),
the last 10 % for testing (starts one clip apart). No annotation is used, so clips have no truth.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from scalor.data.clip import Clip
from scalor.errors import UserError

CROPS = ((0.5, 0.0), (1.5, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (0.0, 0.5), (1.0, 0.5), (2.0, 0.5))
"""Left and top of the crops in units of their side, which is half the frame's height (240 px of 720 x 480)."""

FPS = 25.0
TRAIN_SHARE = 0.9


@dataclass(frozen=True)
class GrandCentral:
    """The clips of one split; clip ``index`` is crop ``index % 8`` of start ``index // 8``.

    folder  holds the frames as ``<integer>.png``
    split   "train" or "test"
    frames  frames per clip
    skip    one of how many recorded frames is taken
    size    side of a clip's picture in pixels, scaled bilinearly from the crop
    """

    folder: str | Path
    split: str = "train"
    frames: int = 10
    skip: int = 8
    size: int = 128

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise UserError(f"split is {self.split!r}; wanted 'train' or 'test'; choose one of them")
        if self._starts() <= 0:
            raise UserError(
                f"{self.folder} has {len(_files(str(self.folder)))} frames; too few for one {self.split} clip of "
                f"{self.frames} frames at every {self.skip}th; give more frames or lower frames or skip"
            )

    def _span(self) -> int:
        """Recorded frames from the first to the last of a clip, both included."""
        return (self.frames - 1) * self.skip + 1

    def _cut(self) -> int:
        """The first recorded frame of the test time."""
        return int(TRAIN_SHARE * len(_files(str(self.folder))))

    def _starts(self) -> int:
        if self.split == "train":
            return self._cut() - self._span() + 1
        return (len(_files(str(self.folder))) - self._cut() - self._span()) // (self.frames * self.skip) + 1

    def __len__(self) -> int:
        return self._starts() * len(CROPS)

    def __getitem__(self, index: int) -> Clip:
        return self.clip(index)

    def clip(self, index: int, frames: int | None = None) -> Clip:
        """Clip ``index``, or its first ``frames`` frames.

        Raises IndexError outside 0 .. len - 1 and UserError for bad files.
        """
        frames = self.frames if frames is None else frames
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        if frames > self.frames:
            raise UserError(f"{frames} frames of clips of {self.frames} were asked for; raise the data set's frames")
        start, crop = divmod(index, len(CROPS))
        first = start if self.split == "train" else self._cut() + start * self.frames * self.skip
        chosen = _files(str(self.folder))[first : first + (frames - 1) * self.skip + 1 : self.skip]
        pictures = np.stack([_look(path, CROPS[crop], self.size) for path in chosen])
        video = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
        return Clip(video=video, fps=FPS / self.skip, name=f"grand-central-{self.split}-{index:07d}")


@lru_cache(maxsize=8)
def _files(folder: str) -> tuple[Path, ...]:
    """The folder's numbered pictures in the order of their numbers."""
    if not Path(folder).is_dir():
        raise UserError(f"{folder} is not a folder; wanted one of <integer>.png frames; extract the recording there")
    numbered = sorted((int(path.stem), path) for path in Path(folder).glob("*.png") if path.stem.isdecimal())
    if not numbered:
        raise UserError(f"{folder} has no <integer>.png; wanted the recording's frames; extract the recording there")
    return tuple(path for _, path in numbered)


def _look(path: Path, crop: tuple[float, float], size: int) -> np.ndarray:
    """One crop of one frame, uint8 [size, size, 3]."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read ({error}); wanted a PNG picture; extract it again") from error
    side = picture.height // 2
    if picture.width < 3 * side or side == 0:
        raise UserError(
            f"{path} has {picture.width} x {picture.height} pixels; wanted frames at least 1.5 times as wide as high, "
            "as 720 x 480; give the frames as they were published"
        )
    left, top = (round(share * side) for share in crop)
    cut = picture.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR))
