"""What counts as a shadow, and what stands out."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from scalor.core.shade import _largest, _mean, shade, standing_out


@pytest.fixture
def scene() -> Tensor:
    """A smooth brownish ground [1, 3, 24, 24]."""
    ramp = torch.linspace(0.4, 0.8, 24).expand(1, 3, 24, 24)
    return ramp * torch.tensor([1.0, 0.9, 0.7]).view(1, 3, 1, 1)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 100))
def test_windows_are_what_pooling_finds_in_them(height: int, width: int, seed: int) -> None:
    image = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed)) - 0.5
    torch.testing.assert_close(_mean(image), F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False))
    for reach in (1, 2, 3):
        assert torch.equal(_largest(image, reach), F.max_pool2d(image, 2 * reach + 1, stride=1, padding=reach))


@pytest.mark.parametrize("dark", [0.4, 0.6, 0.9])
def test_a_darkened_place_is_in_shade(scene: Tensor, dark: float) -> None:
    frame = scene.clone()
    frame[..., 8:16, 8:16] *= dark
    found = shade(frame, scene)
    assert found.shape == scene.shape
    assert torch.allclose(found[..., 10:14, 10:14], torch.tensor(dark), atol=1e-3)
    assert torch.equal(found[..., :6, :], torch.ones(1, 3, 6, 24))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_a_blue_shadow_is_one_where_shadows_are_blue(scene: Tensor, share: float) -> None:
    """At every depth of it, as at its soft edges, and only there."""
    tint = (1.15, 1.05, 0.8)
    left = 1 - share * torch.tensor(tint).view(3, 1, 1)
    frame = scene.clone()
    frame[..., 8:16, 8:16] *= left
    found = shade(frame, scene, tint=tint)
    torch.testing.assert_close(found[0, :, 10:14, 10:14], left.expand(3, 4, 4), atol=1e-3, rtol=0)
    frame[..., 8:16, 8:16] = scene[..., 8:16, 8:16] * (1 - share * torch.tensor([0.5, 1.0, 1.5]).view(3, 1, 1))
    if share == 0.5:
        assert torch.equal(shade(frame, scene, tint=tint)[..., 10:14, 10:14], torch.ones(1, 3, 4, 4))


@pytest.mark.parametrize("color", [(0.2, 0.3, 0.5), (0.95, 0.95, 0.95), (0.02, 0.02, 0.02)])
def test_other_colours_light_things_and_black_are_not(scene: Tensor, color: tuple[float, ...]) -> None:
    frame = scene.clone()
    frame[..., 8:16, 8:16] = torch.tensor(color).view(3, 1, 1)
    assert torch.equal(shade(frame, scene)[..., 10:14, 10:14], torch.ones(1, 3, 4, 4))


def test_frames_of_one_place_share_its_backdrop(scene: Tensor) -> None:
    backdrop = torch.cat([scene, scene.flip(-1)])
    clips = backdrop.unsqueeze(1) * torch.linspace(0.5, 1.0, 3).view(1, 3, 1, 1, 1)
    found = shade(clips, backdrop.unsqueeze(1))
    assert torch.equal(found.flatten(0, 1), shade(clips.flatten(0, 1), backdrop.repeat_interleave(3, 0)))
    assert found.lt(1.0).any()


def test_grey_frames_have_no_shade(scene: Tensor) -> None:
    assert torch.equal(shade(0.5 * scene[:, :1], scene[:, :1]), torch.ones(1, 1, 24, 24))


def test_grey_frames_stored_in_three_channels_have_no_shade_either() -> None:
    scene = torch.linspace(0.4, 0.8, 24).expand(1, 3, 24, 24)
    assert torch.equal(shade(0.5 * scene, scene), torch.ones(1, 3, 24, 24))


def test_what_differs_stands_out_with_its_small_gaps_closed(scene: Tensor) -> None:
    frame = scene.clone()
    frame[..., 6:18, 6:18] += 0.15
    frame[..., 11:13, 11:13] -= 0.15  # a window like the ground
    mask = standing_out(frame, scene, level=0.1)
    assert mask.shape == (1, 1, 24, 24)
    assert torch.equal(mask[..., 7:17, 7:17], torch.ones(1, 1, 10, 10))
    assert mask[..., :4, :].max() == 0 and mask[..., 20:, :].max() == 0
    assert standing_out(scene + 0.04, scene, level=0.1).max() == 0


@pytest.fixture
def pole() -> Tensor:
    """A black pole before a bright wall [1, 3, 40, 40]."""
    wall = torch.full((1, 3, 40, 40), 0.9)
    wall[..., 18:22] = 0.1
    return wall


def test_edges_that_shake_by_a_fraction_of_a_pixel_do_not_stand_out(pole: Tensor) -> None:
    shaken = 0.7 * pole + 0.3 * pole.roll(1, dims=-1)
    assert standing_out(shaken, pole, level=0.1).max() == 0.0


def test_an_object_stands_out_on_an_edge_as_well(pole: Tensor) -> None:
    covered = pole.clone()
    covered[..., 10:26, 12:28] = torch.tensor([0.8, 0.3, 0.2]).view(3, 1, 1)
    mask = standing_out(covered, pole, level=0.1)
    assert mask[0, 0, 12:24, 14:26].min() == 1.0
    assert mask[0, 0, :8].max() == mask[0, 0, :, 32:].max() == 0.0
