"""What the prior of footage expects: things go on as they did, and what is seen always counts."""

from dataclasses import replace

import pytest
import torch

from scalor.configs.presets import fast_video
from scalor.core.sites import Gaussian
from scalor.core.types import TRACKING, Scenery, World
from scalor.models.build import build
from scalor.models.scalor import Scalor

SPEED = torch.tensor([[[0.2, -0.1], [0.0, 0.0]]])


def two_objects(*, expects: bool, slack: float = 0.02) -> tuple[Scalor, World]:
    """A model of footage that has learned that things speed up, and two objects: one moves, one rests."""
    torch.manual_seed(0)
    config = fast_video().model
    model = build(replace(config, propagate=replace(config.propagate, constant_velocity=expects, slack=slack))).eval()
    assert isinstance(model, Scalor)
    with torch.no_grad():
        model.propagate.dynamics.heads.bias[2:4] = 0.5  # of the mean of where, the velocity
    world = model.init(1, Scenery(height=400, width=400, backdrop=torch.zeros(1, 3, 400, 400)))
    slots = world.slots.map(lambda t: t.new_zeros(1, 2, *t.shape[2:]))
    where = torch.cat([torch.zeros(1, 2, 2), SPEED], dim=-1)
    slots = slots.replace(
        box=torch.tensor([[[200.0, 200.0, 12.0, 24.0], [90.0, 90.0, 12.0, 24.0]]]),
        alive=torch.ones(1, 2, dtype=torch.bool),
        latents=slots.latents.replace(where=where),
        habit=torch.cat([where, slots.habit[..., 4:]], dim=-1),
    )
    return model, world.replace(slots=slots)


@pytest.mark.parametrize("expects", [True, False])
def test_futures_of_footage_neither_speed_up_nor_set_what_rests_in_motion(expects: bool) -> None:
    model, world = two_objects(expects=expects)
    centers = [world.slots.box[..., :2]]
    with torch.no_grad():
        for _ in range(20):
            world, _ = model.step(world, None, replace(TRACKING, keep_alive=True))
            centers.append(world.slots.box[..., :2])
    steps = torch.stack(centers).diff(dim=0)
    assert torch.allclose(steps, steps[:1], atol=1e-4) == expects
    assert torch.equal(centers[-1][0, 1], centers[0][0, 1]) == expects


@pytest.mark.parametrize("slack", [0.02, 0.0])
def test_what_is_seen_moves_a_box_however_sure_the_prior_is(slack: float) -> None:
    """A prior that learned of things at rest is sure that nothing moves: its boxes would slip off and never return."""
    model, world = two_objects(expects=True, slack=slack)
    where = model.config.where
    with torch.no_grad():
        model.propagate.dynamics.heads.bias[4:8] = -30.0  # of the std of where
        prior, _ = model.propagate.dynamics(world.slots, world.scenery)
    seen = Gaussian(prior.where().mean + 0.1, torch.full_like(prior.where().std, 0.05))
    found = prior.where().combined(seen).mean - prior.where().mean
    assert bool((found > 0.02).all()) == (slack > 0)
    blind, _ = model.propagate.dynamics(world.slots, world.scenery, looked=False)
    assert float(blind.where().std.detach().max()) < 1e-3, "futures do not tremble"
    size, speed = prior.where().std.split(2, dim=-1)
    assert torch.allclose(speed * where.motion, torch.tensor(slack * where.size), atol=1e-3)
    assert torch.allclose(size * torch.tensor(where.steepness), torch.tensor(slack), atol=1e-3)


@pytest.mark.parametrize("motion", [0.0, 4.0])
def test_a_slack_that_is_none_is_refused_and_things_may_stand_still(motion: float) -> None:
    config = fast_video().model
    config = replace(config, where=replace(config.where, motion=motion))
    build(config)
    with pytest.raises(ValueError, match=r"propagate\.slack is -1"):
        build(replace(config, propagate=replace(config.propagate, slack=-1.0)))
