"""A 1 x 1 convolution as one matrix product."""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from scalor.nets.pointwise import Pointwise


@given(batch=st.integers(0, 3), channels=st.integers(1, 5), out=st.integers(1, 5), height=st.integers(1, 4))
def test_equals_the_convolution_of_its_parameters(batch: int, channels: int, out: int, height: int) -> None:
    torch.manual_seed(batch)
    net, pixels = Pointwise(channels, out), torch.randn(batch, channels, height, 3)
    torch.testing.assert_close(net(pixels), F.conv2d(pixels, net.weight, net.bias))


def test_its_weights_are_those_of_a_convolution() -> None:
    plain = torch.nn.Conv2d(3, 5, 1)
    Pointwise(3, 5).load_state_dict(plain.state_dict())
