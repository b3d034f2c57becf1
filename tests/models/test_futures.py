"""Who is not looked at goes on as it did: footage teaches nothing of frames that nobody sees."""

from dataclasses import replace

import pytest
import torch

from scalor.configs.presets import fast_video
from scalor.core.types import TRACKING, Scenery, World
from scalor.models.build import build
from scalor.models.scalor import Scalor

SPEED = torch.tensor([[[0.2, -0.1], [0.0, 0.0]]])


def two_objects(*, coast: bool) -> tuple[Scalor, World]:
    """A model of footage that has learned that things speed up, and two objects: one moves, one rests."""
    torch.manual_seed(0)
    config = fast_video().model
    model = build(replace(config, propagate=replace(config.propagate, coast=coast))).eval()
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


@pytest.mark.parametrize("coast", [True, False])
def test_futures_of_footage_neither_speed_up_nor_set_what_rests_in_motion(coast: bool) -> None:
    model, world = two_objects(coast=coast)
    centers = [world.slots.box[..., :2]]
    with torch.no_grad():
        for _ in range(20):
            world, _ = model.step(world, None, replace(TRACKING, keep_alive=True))
            centers.append(world.slots.box[..., :2])
    steps = torch.stack(centers).diff(dim=0)
    assert torch.allclose(steps, steps[:1], atol=1e-4) == coast
    assert torch.equal(centers[-1][0, 1], centers[0][0, 1]) == coast


@pytest.mark.parametrize("asleep", [True, False])
def test_the_prior_of_those_that_nobody_sees_keeps_their_velocity(asleep: bool) -> None:
    model, world = two_objects(coast=True)
    slots = world.slots.replace(asleep=torch.tensor([[asleep, False]]))
    with torch.no_grad():
        prior, _ = model.propagate.dynamics(slots, world.scenery)
    kept = torch.isclose(prior.where().mean[..., 2:], SPEED).all(-1)
    assert kept.tolist() == [[asleep, False]]
