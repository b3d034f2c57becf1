"""What the place of a carried object depends on in a frame."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from scalor.configs import preset_named
from scalor.core.types import Knobs
from scalor.models.config import ModelConfig
from scalor.models.guides import View, expected_center, picture_of
from scalor.models.scalor import Scalor
from scalor.rollout import observe


def slopes(config: ModelConfig) -> tuple[float, float]:
    """Largest slope of where-posteriors by a frame's pixels, its features cut off from them, and by these features."""
    torch.manual_seed(0)
    model = Scalor(replace(config, discover=replace(config.discover, presence_bias=4.0)))
    with torch.no_grad():
        world = observe(model, torch.rand(1, 1, 3, 64, 64), Knobs(hard=True)).world
        slots, scenery = world.slots, world.scenery
        center = expected_center(slots, config, scenery)
        prior, _ = model.propagate.dynamics(slots, scenery)
        expected = model.painter.expected(slots, center, scenery) if config.glimpse.context else None
        sight = model.look(world, torch.rand(1, 1, 3, 64, 64))[0]
    assert sight.features is not None and bool(slots.alive.any())
    picture, features = picture_of(sight, config).requires_grad_(), sight.features.requires_grad_()
    guide, _ = model.propagate.tracker(slots, prior, View(picture, features, center, expected), scenery)
    site = guide.where()
    found = torch.autograd.grad((site.mean + site.std).sum(), (picture, features), allow_unused=True)
    return _largest(found[0]), _largest(found[1])


def _largest(slope: Tensor | None) -> float:
    return 0.0 if slope is None else float(slope.abs().max())


@pytest.mark.parametrize("kept", ["none", "rejection"])
def test_without_attention_a_place_is_read_from_features_of_the_whole_frame_alone(kept: str) -> None:
    config = preset_named(f"ablation-{kept}").scalor
    by_picture, by_features = slopes(config)
    assert by_picture == 0.0 and by_features > 0.0
    compared, _ = slopes(replace(config, glimpse=replace(config.glimpse, context=True)))
    assert compared > 0.0, "a comparison with what was expected looks at a crop: attention by another way"
