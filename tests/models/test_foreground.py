"""With the foreground, looks and places follow from what stands out too; without a backdrop it is empty."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from scalor.core.types import Knobs, Scenery
from scalor.models.config import BackgroundConfig, RenderConfig
from scalor.models.guides import in_context, picture_of
from scalor.models.scalor import Scalor
from scalor.rollout import observe
from tests.models.conftest import THIN, MakeModel

HEIGHT, WIDTH = 24, 32


def told(make_model: MakeModel, family: str) -> Scalor:
    return make_model(
        glimpse=replace(THIN.glimpse, foreground=True),
        background=BackgroundConfig(family=family),
        render=RenderConfig(stand_out_sigma=0.3),
    )


def scene(video: Tensor) -> Scenery:
    return Scenery(HEIGHT, WIDTH, backdrop=torch.full((1, 3, HEIGHT, WIDTH), 0.4))


def film() -> Tensor:
    video = torch.full((1, 3, 3, HEIGHT, WIDTH), 0.4)
    video[..., 8:16, 8:16] = 0.9
    return video


def test_the_picture_is_the_frame_and_the_mask(make_model: MakeModel) -> None:
    model, video = told(make_model, "median"), film()
    sight = model.look(model.init(1, scene(video)), video)[0]
    picture = picture_of(sight, model.config)
    assert picture.shape == (1, 4, HEIGHT, WIDTH)
    assert (picture[:, :3] == video[:, 0]).all()
    assert picture[0, 3, 12, 12] == 1
    assert picture[0, 3, 2, 28] == 0


def test_every_part_that_sees_the_mask_learns(make_model: MakeModel) -> None:
    model, video = told(make_model, "median"), film()
    terms = observe(model, video, Knobs(), scene(video)).terms
    terms.objective.sum().backward()
    for name in ("glimpses.net.1.weight", "propagate.tracker.compare.1.weight"):
        gradient = model.get_parameter(name).grad
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("family", ["none", "encoder"])
def test_without_a_backdrop_nothing_stands_out(make_model: MakeModel, family: str) -> None:
    model = told(make_model, family)
    sight = model.look(model.init(1, Scenery(HEIGHT, WIDTH)), film())[0]
    assert (picture_of(sight, model.config)[:, 3] == 0).all()


@pytest.mark.parametrize("color", [(0.0, 0.0, 0.0), (0.9, 0.2, 0.5)])
def test_on_a_ground_of_any_colour_what_is_on_it_stands_out(
    make_model: MakeModel, color: tuple[float, float, float]
) -> None:
    """The backdrop of a lattice that prevails is what most of the frame shows: no median image is needed."""
    model = make_model(
        glimpse=replace(THIN.glimpse, foreground=True),
        background=BackgroundConfig(family="lattice", code=3, prevail=True),
    )
    video = torch.tensor(color).view(1, 1, 3, 1, 1).expand(1, 2, 3, HEIGHT, WIDTH).clone()
    video[..., 8:16, 8:16] = 0.5
    mask = picture_of(model.look(model.init(1, Scenery(HEIGHT, WIDTH)), video)[0], model.config)[0, 3]
    assert (mask[9:15, 9:15] == 1).all()
    assert mask[:, 20:].max() == 0 and mask[20:].max() == 0
    observe(model, video, Knobs()).terms.objective.sum().backward()
    gradient = model.get_parameter("propagate.tracker.compare.1.weight").grad
    assert gradient is not None and gradient.abs().sum() > 0


def test_what_others_explain_is_not_shown_as_ones_own() -> None:
    frame, mask, explained = torch.rand(1, 1, 3, 8, 8), torch.ones(1, 1, 1, 8, 8), torch.zeros(1, 1, 1, 8, 8)
    explained[..., :4] = 1.0
    own = torch.zeros(1, 1, 8, 8)
    own[..., 2:4] = 1.0
    shown = in_context(torch.cat([frame, mask, explained], dim=2), own, foreground=True)
    assert (shown[:, :, :3] == frame).all()
    assert (shown[0, 0, 3, :, :2] == 0).all()
    assert (shown[0, 0, 3, :, 2:] == 1).all()
    plain = in_context(torch.cat([frame, mask, explained], dim=2), own)
    assert (plain[:, :, 3] == 1).all()
