"""Large patches as tiles: what is painted costs as much as it is large, however large the largest is."""

import torch
from torch import Tensor

from scalor.core.tensors import constant, ramp

TILE = 24
"""Side of a tile in pixels."""


@torch.no_grad()
def tiles(box: Tensor, *, glimpse: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Tiles that hold all that glimpses of side ``glimpse`` pasted into boxes [M, 4] paint in view.

    Returns:
        row: int64 [K], whose tile it is; in order, and every box has one.
        corner: [K, 2], left and top pixel.
    """
    center, extent = box.split(2, dim=-1)
    reach = torch.ceil(extent * (1 + 1 / glimpse)) + 2
    first = torch.floor(center - (reach / 2 - 0.5))
    last = torch.ceil(reach / TILE) - 1
    low = (-first / TILE).floor().clamp(min=0).minimum(last)
    high = ((constant(width, height, like=box) - first) / TILE).ceil().sub(1).minimum(last)
    across, down = ((high - low).clamp(min=0).long() + 1).unbind(1)
    each = across * down
    row = ramp(len(box), like=across).repeat_interleave(each)
    number = ramp(len(row), like=row) - (each.cumsum(0) - each)[row]
    wide = across[row]
    step = torch.stack([number % wide, torch.div(number, wide, rounding_mode="floor")], dim=1)
    return row, first[row] + TILE * (low[row] + step)
