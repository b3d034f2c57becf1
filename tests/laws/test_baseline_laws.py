"""The contract of world models, for the baselines: what they keep of our own model's laws, at toy size.

Not theirs: frames of any size (they have one), and, where objects are handled one after the other, the order of slots.
"""

import dataclasses
import functools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from scalor.configs import PRESETS
from scalor.core.tensors import cat, take
from scalor.core.types import TRACKING, Knobs, Scenery, Step, World
from scalor.models.base import WorldModel
from scalor.models.build import MODELS, AnyConfig, build
from scalor.objectives.vimco import DrawnTerms, loss_of
from scalor.rollout import generate, imagine, observe

SIDE = 32
TOYS: dict[str, dict[str, Any]] = {
    "vrnn": {"code": 6, "hidden": 16, "width": 8},
    "seq-vae": {"code": 6, "hidden": 16, "width": 8},
    "air": {"size": 10.0, "glimpse": 8, "what": 6, "hidden": 16, "features": 8, "slots": 3},
    "sqair": {"size": 10.0, "glimpse": 8, "what": 6, "hidden": 16, "features": 8, "slots": 3},
    "silot": {"size": 10.0, "glimpse": 8, "what": 6, "hidden": 16, "features": 8, "slots": 5},
}
EVERY = pytest.mark.parametrize("kind", sorted(TOYS))
OBJECTS = pytest.mark.parametrize("kind", ["air", "silot", "sqair"])
SAMPLING = Knobs(birth=0.5, weigh=True, hard=True)


def preset_of(kind: str) -> AnyConfig:
    return next(made.model for make in PRESETS.values() if getattr((made := make()).model, "kind", "") == kind)


@functools.cache
def model_of(kind: str) -> WorldModel:
    """Weights louder than the initial ones, in doubles."""
    config = dataclasses.replace(preset_of(kind), channels=3, side=SIDE, **TOYS[kind])
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = build(config).double()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(1.5)
    return model


def clip(frames: int = 3, batch: int = 2) -> tuple[Tensor, Scenery]:
    """Blurry noise that drifts by a pixel per frame."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(batch, 3, 4, 4, generator=generator, dtype=torch.float64)
    picture = torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE), mode="bilinear")
    return torch.stack([picture.roll(shift, -1) for shift in range(frames)], dim=1), Scenery(SIDE, SIDE)


@torch.no_grad()
def walked(model: WorldModel, video: Tensor, knobs: Knobs = TRACKING) -> list[tuple[World, Step]]:
    world, out = model.init(len(video), Scenery(SIDE, SIDE)), []
    for sight in model.look(world, video):
        world, step = model.step(world, sight, knobs)
        out.append((world, step))
    return out


def assert_same(a: Step, b: Step, element: int) -> None:
    torch.testing.assert_close(a.image[element], b.image[element])
    torch.testing.assert_close(a.terms.elbo[element], b.terms.elbo[element])
    first, second = (step.slots.id[element][step.slots.alive[element]].tolist() for step in (a, b))
    assert first == second


def test_every_model_has_its_laws() -> None:
    """And a preset: a new model without either fails here."""
    kinds = {getattr(config(), "kind", "ours") for config in MODELS}
    assert kinds == {"ours", *TOYS}
    assert {getattr(make().model, "kind", "ours") for make in PRESETS.values()} == kinds


@EVERY
def test_streaming_equals_batch(kind: str) -> None:
    model = model_of(kind)
    video, scenery = clip()
    world = model.init(len(video), scenery)
    for time, (_, whole) in enumerate(walked(model, video)):
        with torch.no_grad():
            (sight,) = model.look(world, video[:, time : time + 1])
            world, step = model.step(world, sight, TRACKING)
        for element in range(len(video)):
            assert_same(step, whole, element)


@EVERY
def test_batch_elements_never_touch_each_other(kind: str) -> None:
    model = model_of(kind)
    video, _ = clip()
    other = video.clone()
    other[1] = 1 - other[1].flip(-1)
    for (_, a), (_, b), (_, c) in zip(
        walked(model, video), walked(model, other), walked(model, video[:1]), strict=True
    ):
        assert_same(a, b, 0)
        assert_same(a, c, 0)
        assert not torch.allclose(a.terms.elbo[1], b.terms.elbo[1])


@pytest.mark.parametrize("kind", ["silot"])
def test_the_order_of_slots_and_empty_slots_are_irrelevant(kind: str) -> None:
    model = model_of(kind)
    video, _ = clip()
    torch.manual_seed(0)
    world, _ = walked(model, video[:, :2], SAMPLING)[-1]
    count = world.slots.count
    assert count > 1
    order = torch.stack([torch.randperm(count, generator=torch.Generator().manual_seed(i)) for i in range(2)])
    empty = take(world.slots, order[:, :1])
    empty = empty.replace(id=torch.full_like(empty.id, -1), alive=torch.zeros_like(empty.alive))
    shuffled = world.replace(slots=cat([empty, take(world.slots, order)], dim=1))
    with torch.no_grad():
        sight = model.look(world, video[:, 2:])[0]
        (_, a), (_, b) = model.step(world, sight, TRACKING), model.step(shuffled, sight, TRACKING)
    torch.testing.assert_close(a.image, b.image)
    torch.testing.assert_close(a.terms.elbo, b.terms.elbo)


@EVERY
def test_imagining_costs_exactly_nothing_and_never_reads_a_frame(kind: str) -> None:
    model = model_of(kind)
    video, scenery = clip(frames=4)
    unseen = video.clone()
    unseen[:, 2:] = math.nan
    futures = []
    for frames in (video, unseen):
        world = model.init(2, scenery)
        with torch.no_grad():
            for sight in model.look(world, frames)[:2]:
                world, _ = model.step(world, sight, TRACKING)
            torch.manual_seed(5)
            futures.append(imagine(model, world, 4, Knobs(births=True, birth=0.5, hard=True, weigh=True)))
    assert torch.isfinite(futures[1].image).all() and torch.equal(futures[0].image, futures[1].image)
    assert futures[1].image.std() > 0
    for step in futures[1].steps:
        for field in dataclasses.fields(step.terms):
            assert (getattr(step.terms, field.name) == 0).all(), field.name


IDLE = {"finder.point.2.bias"}
"""Raises all places alike, and the softmax over them does not see it: its gradient is 0 but for rounding."""


@EVERY
def test_every_parameter_receives_gradient(kind: str) -> None:
    """From the loss that its preset trains with: the ELBO, or the bound of three particles."""
    model = model_of(kind)
    video, scenery = clip(frames=4)
    particles = 3 if kind in ("air", "sqair") else 1
    model.zero_grad()
    torch.manual_seed(0)
    knobs = dataclasses.replace(SAMPLING, hard=particles > 1)
    loss = loss_of(observe(model, video.repeat_interleave(particles, 0), knobs, scenery), particles)
    loss.backward()
    without = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    broken = [key for key, value in model.named_parameters() if value.grad is not None and value.grad.isnan().any()]
    model.zero_grad()
    assert set(without) <= IDLE and broken == []


@OBJECTS
def test_ids_are_unique_for_ever(kind: str) -> None:
    model = model_of(kind)
    video, _ = clip(frames=12)
    torch.manual_seed(0)
    before: list[set[int]] = [set(), set()]
    gone: list[set[int]] = [set(), set()]
    births = 0
    for world, step in walked(model, video, dataclasses.replace(SAMPLING, temperature=1.0)):
        assert (world.slots.id[~world.slots.alive] == -1).all()
        for element in range(2):
            here = world.slots.id[element][world.slots.alive[element]].tolist()
            now = set(here)
            assert len(now) == len(here), "two objects of one frame share an id"
            assert not now & gone[element], "an id was used again"
            fresh = now - before[element]
            assert fresh == set(world.slots.id[element][step.born[element]].tolist())
            assert all(number < int(world.next_id[element]) for number in now)
            gone[element] |= before[element] - now
            before[element], births = now, births + len(fresh)
    assert births > 4


@OBJECTS
def test_empty_scenes_pass(kind: str) -> None:
    """No births: nothing is there, nothing is painted, and black frames are explained by that."""
    model = model_of(kind)
    scenery = Scenery(SIDE, SIDE)
    future = imagine(model, model.init(2, scenery), 2, Knobs())
    assert future.world.slots.count == 0
    assert all(not step.image.any() and len(step.layers.batch) == 0 for step in future.steps)


@OBJECTS
def test_there_are_never_more_objects_than_slots(kind: str) -> None:
    model = model_of(kind)
    most = getattr(model.config, "slots", 0)
    torch.manual_seed(0)
    future = imagine(model, model.init(3, Scenery(SIDE, SIDE)), 5, Knobs(births=True, birth=0.9, hard=True))
    counts = [int(step.slots.alive.sum(1).max()) for step in future.steps]
    assert max(counts) == most


@EVERY
def test_other_sizes_are_refused_with_a_way_out(kind: str) -> None:
    with pytest.raises(ValueError, match=rf"frames of {SIDE} x {SIDE}; crop or pad"):
        model_of(kind).init(1, Scenery(SIDE, SIDE + 1))


@EVERY
def test_same_seed_same_numbers_and_samples_from_nothing(kind: str) -> None:
    model = model_of(kind)
    video, scenery = clip()
    found = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        with torch.no_grad():
            found.append(observe(model, video, SAMPLING, scenery).terms.log_ratio)
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    with torch.no_grad():
        assert generate(model, 2, 3, scenery, Knobs(hard=True)).image.shape == (2, 3, 3, SIDE, SIDE)


@OBJECTS
def test_the_choices_that_were_drawn_have_a_probability(kind: str) -> None:
    model = model_of(kind)
    video, scenery = clip()
    torch.manual_seed(0)
    with torch.no_grad():
        terms = observe(model, video, SAMPLING, scenery).terms
    assert isinstance(terms, DrawnTerms) and (terms.log_discrete < 0).all()


def test_at_first_what_sqair_carries_stays() -> None:
    """However little its presence net thinks of them; without the knob, they end."""
    config = dataclasses.replace(preset_of("sqair"), channels=3, side=SIDE, **TOYS["sqair"], survive=-8.0)
    torch.manual_seed(0)
    model = build(config).double()
    video, _ = clip(frames=4)
    ended = {False: 0, True: 0}
    for carry in ended:
        torch.manual_seed(0)
        known: set[tuple[int, int]] = set()
        for world, _ in walked(model, video, dataclasses.replace(SAMPLING, carry=carry)):
            now = {(e, int(world.slots.id[e, n])) for e, n in world.slots.alive.nonzero().tolist()}
            ended[carry] += len(known - now)
            known = now
    assert ended[True] == 0 and ended[False] > 0
