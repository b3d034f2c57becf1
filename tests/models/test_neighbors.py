"""What objects know of each other: laws of the summary, and of the prior that is told it."""

import dataclasses
import json
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalor import pretrained
from scalor.configs import preset_named
from scalor.core.tensors import cat, take
from scalor.core.types import Knobs, Scenery, Slots
from scalor.models.config import PropagateConfig
from scalor.models.neighbors import SUMMARY, Neighbors
from scalor.models.scalor import Scalor
from scalor.rollout import imagine

MakeModel = Callable[..., Scalor]
CONFIG = preset_named("balls").model
REACH = 2 * CONFIG.where.motion


def made() -> Neighbors:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Neighbors(CONFIG).double()


def crowd(seed: int, count: int, *, spread: float = 40.0) -> Slots:
    """Living objects of about 16 px at random places of two scenes, with random steps."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.rand(2, count, *shape, generator=generator, dtype=torch.float64)

    like = torch.zeros(1, dtype=torch.float64)
    empty = Slots.empty(2, what=CONFIG.glimpse.what, paint=(4, 0, 0), sizes=(4, 3), like=like)
    slots = empty.map(lambda t: t.new_zeros(2, count, *t.shape[2:]))
    box = torch.cat([spread * drawn(2), 15 + 2 * drawn(2)], dim=-1)
    latents = slots.latents.replace(pres=1 - 0.5 * drawn(), where=2 * drawn(4) - 1)
    return slots.replace(box=box, latents=latents, alive=torch.ones(2, count, dtype=torch.bool))


def moved(slots: Slots, by: Tensor) -> Slots:
    return slots.replace(box=torch.cat([slots.box[..., :2] + by, slots.box[..., 2:]], dim=-1))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_the_order_of_slots_does_not_matter(seed: int, count: int) -> None:
    slots, net = crowd(seed, count), made()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = net(take(slots, order.expand(2, count)))
    torch.testing.assert_close(shuffled, net(slots)[:, order])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_empty_slots_and_the_absent_change_nothing(seed: int, count: int) -> None:
    slots, net = crowd(seed, count), made()
    ghosts = crowd(seed + 1, 3)
    dead = ghosts.replace(alive=torch.zeros_like(ghosts.alive))
    torch.testing.assert_close(net(cat([dead, slots], dim=1))[:, 3:], net(slots))
    absent = ghosts.replace(latents=ghosts.latents.replace(pres=torch.zeros(2, 3, dtype=torch.float64)))
    few = crowd(seed, 2)  # no more than K others with the absent ones, or they would take the place of somebody
    torch.testing.assert_close(net(cat([absent.map(lambda t: t[:, :2]), few], dim=1))[:, 2:], net(few))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(-500, 500), st.floats(-500, 500))
def test_where_in_the_frame_it_happens_does_not_matter(seed: int, right: float, down: float) -> None:
    slots, net = crowd(seed, 5), made()
    shift = torch.tensor([right, down], dtype=torch.float64)
    torch.testing.assert_close(net(moved(slots, shift)), net(slots), atol=1e-6, rtol=1e-6)


def test_who_is_too_far_to_be_met_changes_exactly_nothing_and_who_comes_near_does_so_smoothly() -> None:
    net, one = made(), crowd(0, 2, spread=0.0)
    touching = float((one.box[..., 2:].mean(-1) / 2).sum(1)[0])

    def summary(gap: float) -> Tensor:
        apart = torch.zeros(2, 2, 2, dtype=torch.float64)
        apart[:, 1, 0] = touching + gap
        return net(moved(one, apart))[0]

    assert (summary(REACH + 1e-3) == 0).all() and (summary(1000.0) == 0).all()
    assert (summary(0.8 * REACH) != 0).any()
    assert (summary(REACH - 1e-3) - summary(REACH + 1e-3)).abs().max() < 1e-3
    assert (summary(1.0) - summary(-1.0)).abs().max() < 1.0


def test_only_the_nearest_count() -> None:
    row = crowd(0, 8, spread=0.0)
    step = torch.zeros(2, 8, 2, dtype=torch.float64)
    step[..., 0] = torch.tensor([0.0, 17, 18, 19, 20, 21, 22, 23])
    slots, net = moved(row, step), made()
    nearest = slots.map(lambda t: t[:, : CONFIG.propagate.neighbors + 1])
    torch.testing.assert_close(net(slots)[:, 0], net(nearest)[:, 0])


def test_gradients_are_finite_also_for_objects_in_one_place_and_alone() -> None:
    for slots in (crowd(1, 4, spread=0.0), crowd(1, 1), crowd(1, 0)):
        net, box = made(), slots.box.clone().requires_grad_()
        found = net(slots.replace(box=box))
        assert found.shape == (*slots.alive.shape, SUMMARY)
        found.sum().backward() if found.requires_grad else None
        assert box.grad is None or torch.isfinite(box.grad).all()


def test_a_model_without_neighbours_has_none_of_their_weights_and_cards_from_before_load() -> None:
    alone, told = (Scalor(preset_named(name).model) for name in ("balls-alone", "balls"))
    new = set(dict(told.named_parameters())) - set(dict(alone.named_parameters()))
    assert new and all(name.startswith("propagate.dynamics.neighbors.") for name in new)
    assert alone.propagate.dynamics.neighbors is None
    card = json.loads((pretrained.store.PACKAGED / "sprites-vld.json").read_text())
    assert "neighbors" not in card["config"]["propagate"]
    model, _ = pretrained.load("sprites-vld")
    assert model.config.propagate.neighbors == 0


@torch.no_grad()
def test_the_prior_moves_an_object_that_another_comes_near_to_and_no_other(make_model: MakeModel) -> None:
    model = make_model(propagate=PropagateConfig(tracker=16, dynamics=16, attended=16, window=2, neighbors=2))
    scene = Scenery(height=32, width=320)
    count = 3
    slots = model.init(1, scene).slots.map(lambda t: t.new_zeros(1, count, *t.shape[2:]))

    def futures(second: float) -> Tensor:
        box = torch.tensor([[[16.0, 16, 8, 8], [second, 16, 8, 8], [200.0, 16, 8, 8]]])
        here = slots.replace(
            latents=slots.latents.replace(pres=torch.ones(1, count)),
            box=box,
            id=torch.arange(count).unsqueeze(0),
            alive=torch.ones(1, count, dtype=torch.bool),
        )
        world = dataclasses.replace(model.init(1, scene), slots=here, next_id=torch.tensor([count]))
        knobs = Knobs(stochastic=False, hard=True, keep_alive=True)
        return imagine(model, world, 1, knobs).world.slots.box[0]

    near, far = futures(26.0), futures(100.0)
    assert not torch.equal(near[0], far[0])
    assert torch.equal(near[2], far[2])


@pytest.mark.parametrize("name", ["balls", "balls-alone"])
def test_the_two_presets_differ_in_what_is_compared_alone(name: str) -> None:
    told, alone = preset_named("balls"), preset_named("balls-alone")
    same = dataclasses.replace(told.model.propagate, neighbors=0)
    assert dataclasses.replace(told.model, propagate=same) == alone.model
    assert told.recipe == alone.recipe and told.data == alone.data
    assert preset_named(name).name == name
