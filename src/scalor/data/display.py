"""From decoded pictures to what a player shows: turned, mirrored, with square pixels and without combs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type

COMB = 10
"""Grey levels by which a line must stick out from both its neighbours, the same way, to be of another moment."""
ASPECTS = (0.1, 10.0)
"""Pixel aspects outside are a slip of the muxer."""


@dataclass(frozen=True)
class Display:
    """How decoded pictures are shown: transposed first, then mirrored; ``aspect`` is a pixel's width / height."""

    transpose: bool = False
    mirror: bool = False
    flip: bool = False
    aspect: float = 1.0

    @classmethod
    def of(cls, stream: Any, frame: Any) -> "Display":
        """What a stream and its first frame say."""
        stated = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        aspect = float(stated) if stated else 1.0
        aspect = aspect if ASPECTS[0] <= aspect <= ASPECTS[1] else 1.0
        try:
            matrix = _matrix(frame)
        except ValueError:  # PyAV knows not all kinds of data that may lie beside; the angle it finds by itself
            turns = round(frame.rotation / 90) % 4
            return cls(turns % 2 == 1, turns in (2, 3), turns in (1, 2), aspect)
        if matrix is None:
            return cls(aspect=aspect)
        (a, b), (c, d) = matrix
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0, aspect)
        return cls(True, c < 0, b < 0, aspect)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width as shown, of a decoded picture's."""
        wide = max(1, round(width * self.aspect))
        return (wide, height) if self.transpose else (height, wide)

    def shown(self, image: np.ndarray, *, interlaced: bool = False) -> np.ndarray:
        """uint8 [H, W, 3] as decoded -> as shown."""
        if interlaced:
            image = one_moment(image)
        if self.aspect != 1.0:
            import cv2

            wide = max(1, round(image.shape[1] * self.aspect))
            how = cv2.INTER_AREA if wide < image.shape[1] else cv2.INTER_LINEAR
            image = cv2.resize(image, (wide, image.shape[0]), interpolation=how)
        if not (self.transpose or self.mirror or self.flip):
            return image
        turned = image.transpose(1, 0, 2) if self.transpose else image
        return np.ascontiguousarray(turned[:: -1 if self.flip else 1, :: -1 if self.mirror else 1])


def _matrix(frame: Any) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The linear part of the display matrix: x' = a x + c y, y' = b x + d y."""
    stored = frame.side_data.get(Type.DISPLAYMATRIX)  # iterating gives values or keys, by the version of PyAV
    if stored is None:
        return None
    values = np.frombuffer(bytes(stored), np.int32).astype(int).tolist()
    return (values[0], values[1]), (values[3], values[4])


def one_moment(image: np.ndarray) -> np.ndarray:
    """An interlaced picture without combs: where a lower line shows another moment, its neighbours are averaged."""
    if len(image) < 3:
        return image
    above, line, below = (image[first : len(image) - 2 + first : 2].astype(np.int16) for first in (0, 1, 2))
    rows = min(len(above), len(line), len(below))
    above, line, below = above[:rows], line[:rows], below[:rows]
    product = (line - above).astype(np.int32) * (line - below)
    combed = product.max(axis=2) > COMB**2
    combed[:, 1:] |= combed[:, :-1].copy()
    combed[:, :-1] |= combed[:, 1:].copy()
    out = image.copy()
    out[1 : 1 + 2 * rows : 2][combed] = ((above + below) // 2)[combed].astype(np.uint8)
    return out
