"""`Pointwise`: a 1 x 1 convolution as one matrix product."""

import torch.nn.functional as F
from torch import Tensor, nn


class Pointwise(nn.Conv2d):
    """[B, C, H, W] to [B, ``out``, H, W], every pixel by itself, with the parameters of a 1 x 1 convolution.

    A convolution is prepared anew for every number of glimpses, which differs from frame to frame, and that takes
    longer than to compute it; a matrix product needs no preparation.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        return F.linear(pixels.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
