"""COCO's run lengths as pixels."""

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np


def pixels_of(rle: Mapping[str, Any]) -> np.ndarray:
    """The mask behind compressed run lengths, uint8 [H, W] of 0 and 1."""
    return _library().decode(rle)


@cache
def _library() -> Any:
    from pycocotools import mask

    # Its arrays are handed over as in numpy 1, which numpy 2 says each time; with python -W error that would end us.
    warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
    return mask
