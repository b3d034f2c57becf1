"""The border between source pixels and the network's: sizes, channels, padding."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalor.data.source import shrink
from scalor.errors import UserError

UNIFORM, CHANGED = 2.0, 25.0
"""A blank frame has this spread of grey levels at most, and half of its pixels changed by this many at least."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class View:
    """How a source frame becomes network input: made smaller by area, then padded right and below to whole cells.

    height, width      of the source, in source pixels
    rows, columns      of the smaller picture, in network pixels
    cell               side of a grid cell in network pixels
    """

    height: int
    width: int
    rows: int
    columns: int
    cell: int

    @classmethod
    def of(cls, height: int, width: int, *, scale: float, cell: int) -> "View":
        """The view of a source of this size. Raises UserError where ``scale`` is not in (0, 1]."""
        if not 0 < scale <= 1:
            raise UserError(f"scale is {scale}; a number above 0 and at most 1 is wanted; frames are only made smaller")
        return cls(height, width, max(1, round(height * scale)), max(1, round(width * scale)), cell)

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return math.ceil(self.rows / self.cell) * self.cell, math.ceil(self.columns / self.cell) * self.cell

    @property
    def scale_x(self) -> float:
        """Source pixels per network pixel, horizontally."""
        return self.width / self.columns

    @property
    def scale_y(self) -> float:
        """Source pixels per network pixel, vertically."""
        return self.height / self.rows

    def network_input(self, picture: np.ndarray, channels: int) -> Tensor:
        """A uint8 source picture, or one of the network's size, as float [1, channels, *padded] in [0, 1]."""
        small = self.shrunk(picture)
        image = torch.from_numpy(np.require(with_channels(small, channels), requirements=["C", "W"])).permute(2, 0, 1)
        height, width = self.padded
        margins = (0, width - self.columns, 0, height - self.rows)
        return F.pad(image.unsqueeze(0).float() / 255, margins, mode="replicate")

    def shrunk(self, picture: np.ndarray) -> np.ndarray:
        """A uint8 picture [H, W, C] in an array of its own at the network's size, uint8 [rows, columns, C]."""
        small = picture.copy() if picture.shape[:2] == (self.rows, self.columns) else None
        small = shrink(picture, (self.rows, self.columns)) if small is None else small
        return small[:, :, None] if small.ndim == 2 else small

    def cut(self, image: Tensor) -> Tensor:
        """[..., *padded] without the padding: [..., rows, columns]."""
        return image[..., : self.rows, : self.columns]


def as_picture(frame: object, what: str = "the frame") -> np.ndarray:
    """A frame as uint8 [H, W, 3] or [H, W, 1]: alpha is dropped, two axes mean grey.

    Raises:
        UserError: not uint8, or not of a picture's shape.
    """
    try:
        picture = np.asarray(frame)
    except (TypeError, ValueError, RuntimeError) as error:  # tensors of a GPU, lists of several lengths
        raise UserError(f"{what} is no array of numbers ({error}); uint8 from 0 to 255 is wanted") from error
    if picture.dtype != np.uint8:
        raise UserError(f"{what} has numbers of type {picture.dtype}; uint8 from 0 to 255 is wanted; convert it")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 2, 3, 4) or 0 in picture.shape:
        raise UserError(
            f"{what} has shape {picture.shape}; (height, width), (height, width, 3) or (height, width, 4) is wanted"
        )
    return picture[:, :, : 3 if picture.shape[2] >= 3 else 1]


def with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [h, w, 1 or 3], or [h, w], as uint8 [h, w, channels] for a model of 1 or 3 channels."""
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.shape[2] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=2)
    return np.rint(picture.astype(np.float32) @ LUMA).astype(np.uint8)[:, :, None]


def went_blank(picture: np.ndarray, before: np.ndarray) -> bool:
    """Whether a picture uint8 [h, w, C] is one flat grey where the last one seen was something else almost everywhere.

    A scene whose things leave changes at few places, so an empty scene on a plain ground is not blank.
    """
    import cv2

    if float(cv2.meanStdDev(picture)[1].max()) > UNIFORM:
        return False
    gap = np.abs(picture.astype(np.int16) - before.astype(np.int16)).max(axis=2)
    return float((gap > CHANGED).mean()) > 0.5
