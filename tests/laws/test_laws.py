"""One contract, run for every preset at toy size: what any world model of this house must keep."""

import dataclasses
import functools
import math

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from scalor.configs import PRESETS
from scalor.core.fixed import fixed_shapes, roomy
from scalor.core.tensors import cat, take
from scalor.core.types import TRACKING, Knobs, Scenery, Step, World
from scalor.models.config import ModelConfig
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout, generate, imagine, observe

GRID = {4: (3, 5), 8: (2, 3), 16: (2, 3)}
"""Rows and columns of cells of the toy frames, by the cell's side; none is square."""

SAMPLING = Knobs(birth=0.1, weigh=True)
OURS = sorted(name for name, make in PRESETS.items() if isinstance(make().model, ModelConfig))
EVERY = pytest.mark.parametrize("name", OURS)


def toy(config: ModelConfig) -> ModelConfig:
    """The same switches, cells and boxes with thin layers."""
    part, encoder = dataclasses.replace, config.encoder
    return part(
        config,
        encoder=part(
            encoder,
            widths=tuple(min(width, 16) for width in encoder.widths),
            memory=min(encoder.memory, 16),
            mask_widths=tuple(min(width, 8) for width in encoder.mask_widths),
        ),
        glimpse=part(config.glimpse, side=8, hidden=(16,), patch=8, what=6),
        propagate=part(config.propagate, tracker=16, dynamics=16, attended=16),
        discover=part(config.discover, slots=min(config.discover.slots, 3)),
        background=part(config.background, code=4, hidden=8, width=16),
    )


def built(config: ModelConfig) -> Scalor:
    """Weights louder than the initial ones, so that pictures matter; doubles, so that order of summing does not."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = Scalor(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(1.5)
    return model.double()


def awake(model: Scalor) -> Scalor:
    """About half of the proposals are present in the toy clip: where the head's presence channel exceeds its median."""
    video, scenery = clip(model)
    head = model.discover.detector.head
    raw: list[Tensor] = []
    hook = head.register_forward_hook(lambda module, inputs, out: raw.append(out[:, 0]))
    with torch.no_grad():
        head.weight[0] *= 10
        world = model.init(len(video), scenery)
        sight = model.look(world, video)[0]
        model.step(world, sight, TRACKING)
        logit = raw[0].flatten(1) + model.discover.detector._evidence(sight.foreground)
        # A little off the median: the element that is the median would be present or not by rounding.
        head.bias[0] -= logit.median() + model.config.discover.presence_bias + 1e-3
    hook.remove()
    return model


@functools.cache
def model_of(name: str) -> Scalor:
    return awake(built(toy(PRESETS[name]().model)))


def changed(name: str, *, presence: float, survival: float | None = None) -> Scalor:
    """The toy model with another bias on the presence of proposals, and on that of tracks."""
    config = toy(PRESETS[name]().model)
    config = dataclasses.replace(config, discover=dataclasses.replace(config.discover, presence_bias=presence, slots=0))
    if survival is not None:
        propagate = dataclasses.replace(config.propagate, presence_bias=survival, survival_bias=survival)
        config = dataclasses.replace(config, propagate=propagate)
    return built(config)


def clip(
    model: Scalor, *, batch: int = 2, frames: int = 3, grid: tuple[int, int] | None = None
) -> tuple[Tensor, Scenery]:
    """Blurry noise that drifts by a pixel per frame, and its scenery."""
    rows, columns = grid or GRID[model.config.cell]
    height, width = rows * model.config.cell, columns * model.config.cell
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(batch, model.config.channels, rows, columns, generator=generator, dtype=torch.float64)
    picture = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    video = torch.stack([picture.roll(shift, -1) for shift in range(frames)], dim=1)
    median = model.config.background.family == "median"
    return video, Scenery(height, width, backdrop=video.median(dim=1).values if median else None)


def objects(world: World, tight: Tensor, element: int) -> dict[int, list[float]]:
    """Boxes of one batch element by identity."""
    alive = world.slots.alive[element]
    return dict(zip(world.slots.id[element][alive].tolist(), tight[element][alive].tolist(), strict=True))


def assert_same_objects(a: tuple[World, Step], b: tuple[World, Step], element: int) -> None:
    first, second = objects(a[0], a[1].tight, element), objects(b[0], b[1].tight, element)
    assert first.keys() == second.keys()
    for number, box in first.items():
        assert box == pytest.approx(second[number], abs=1e-8)
    torch.testing.assert_close(a[1].image[element], b[1].image[element])
    torch.testing.assert_close(a[1].terms.map(lambda t: t[element]).elbo, b[1].terms.map(lambda t: t[element]).elbo)


@torch.no_grad()
def walked(model: Scalor, video: Tensor, scenery: Scenery, knobs: Knobs = TRACKING) -> list[tuple[World, Step]]:
    world, out = model.init(len(video), scenery), []
    for sight in model.look(world, video):
        world, step = model.step(world, sight, knobs)
        out.append((world, step))
    return out


@EVERY
def test_fixed_shapes_change_nothing(name: str) -> None:
    """What an exported graph computes: every list holds all that there could be."""
    usual = model_of(name)
    room = 24
    model = Scalor(
        dataclasses.replace(usual.config, discover=dataclasses.replace(usual.config.discover, slots=room))
    ).double()
    model.load_state_dict(usual.state_dict())
    video, scenery = clip(model)
    world, seen, usually = roomy(model.init(len(video), scenery), room), 0, walked(model, video, scenery)
    with torch.no_grad(), fixed_shapes():
        for sight, free in zip(model.look(world, video), usually, strict=True):
            world, step = model.step(world, sight, TRACKING)
            assert world.slots.count == room
            for element in range(len(video)):
                assert_same_objects((world, step), free, element)
                seen += len(objects(world, step.tight, element))
            sure = free[0].slots.alive
            found = world.slots.map(lambda tensor, sure=sure: tensor[:, : sure.shape[1]][sure])
            for mine, other in ((found.evidence, free[0].slots.evidence), (found.confidence, free[0].slots.confidence)):
                torch.testing.assert_close(mine, other[sure])
    assert seen > 0, "the toy must show objects, or the law says nothing"


@EVERY
def test_streaming_equals_batch(name: str) -> None:
    model = model_of(name)
    video, scenery = clip(model)
    world = model.init(len(video), scenery)
    seen = 0
    for time, whole in enumerate(walked(model, video, scenery)):
        with torch.no_grad():
            (sight,) = model.look(world, video[:, time : time + 1])
            world, step = model.step(world, sight, TRACKING)
        torch.testing.assert_close(world.memory, whole[0].memory)
        for element in range(len(video)):
            assert_same_objects((world, step), whole, element)
            seen += len(objects(world, step.tight, element))
    assert seen > 0, "the toy must show objects, or the law says nothing"


@EVERY
def test_batch_elements_never_touch_each_other(name: str) -> None:
    model = model_of(name)
    video, scenery = clip(model)
    other = video.clone()
    other[1] = 1 - other[1].flip(-1)
    for a, b in zip(walked(model, video, scenery), walked(model, other, scenery), strict=True):
        assert_same_objects(a, b, 0)
        assert not torch.allclose(a[1].image[1], b[1].image[1])
    alone = dataclasses.replace(scenery, backdrop=None if scenery.backdrop is None else scenery.backdrop[:1])
    for a, b in zip(walked(model, video, scenery), walked(model, video[:1], alone), strict=True):
        assert_same_objects(a, b, 0)


@EVERY
def test_the_order_of_slots_and_empty_slots_are_irrelevant(name: str) -> None:
    model = model_of(name)
    video, scenery = clip(model)
    world, _ = walked(model, video[:, :2], scenery)[-1]
    count = world.slots.count
    assert count > 0
    order = torch.stack([torch.randperm(count, generator=torch.Generator().manual_seed(i)) for i in range(2)])
    empty = take(world.slots, order[:, :1])
    empty = empty.replace(id=torch.full_like(empty.id, -1), alive=torch.zeros_like(empty.alive), box=0 * empty.box + 9)
    shuffled = world.replace(slots=cat([empty, take(world.slots, order)], dim=1))
    with torch.no_grad():
        sight = model.look(world, video[:, 2:])[0]
        a, b = model.step(world, sight, TRACKING), model.step(shuffled, sight, TRACKING)
    for element in range(2):
        assert_same_objects(a, b, element)


@EVERY
def test_imagining_costs_exactly_nothing_and_never_reads_a_frame(name: str) -> None:
    model = model_of(name)
    video, scenery = clip(model, frames=4)
    unseen = video.clone()
    unseen[:, 2:] = math.nan
    futures = []
    for frames in (video, unseen):
        world = model.init(2, scenery)
        with torch.no_grad():
            for sight in model.look(world, frames)[:2]:
                world, _ = model.step(world, sight, TRACKING)
            torch.manual_seed(5)
            futures.append(imagine(model, world, 4, Knobs(births=True, birth=0.2, weigh=True)))
    assert torch.isfinite(futures[1].image).all() and torch.equal(futures[0].image, futures[1].image)
    assert sum(len(step.layers.batch) for step in futures[1].steps) > 0
    for step in futures[1].steps:
        for field in dataclasses.fields(step.terms):
            assert (getattr(step.terms, field.name) == 0).all(), field.name


@EVERY
def test_every_parameter_receives_gradient(name: str) -> None:
    """No exceptions: backgrounds and memories that a preset does not use have no parameters."""
    model = model_of(name)
    video, scenery = clip(model, frames=4)
    model.zero_grad()
    torch.manual_seed(0)
    rollout = observe(model, video, SAMPLING, scenery)
    assert rollout.world.slots.count > 0
    (-rollout.terms.objective.mean()).backward()
    without = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    broken = [key for key, value in model.named_parameters() if value.grad is not None and value.grad.isnan().any()]
    model.zero_grad()
    assert without == [] and broken == []


class Registrar:
    """Checks the identities of one rollout, frame by frame."""

    def __init__(self, batch: int) -> None:
        self.before: list[set[int]] = [set() for _ in range(batch)]
        self.gone: list[set[int]] = [set() for _ in range(batch)]
        self.next = [0] * batch
        self.births = self.deaths = 0

    def enter(self, world: World, step: Step) -> None:
        assert (world.slots.id[~world.slots.alive] == -1).all()
        for element, upper in enumerate(world.next_id.tolist()):
            here = world.slots.id[element][world.slots.alive[element]].tolist()
            now, before = set(here), self.before[element]
            assert len(now) == len(here), "two objects of one frame share an id"
            assert not now & self.gone[element], "an id was used again"
            assert now - before == set(range(self.next[element], upper)), "births take the next ids, and no others"
            assert now - before == set(world.slots.id[element][step.born[element]].tolist())
            self.births += len(now - before)
            self.deaths += len(before - now)
            self.gone[element] |= before - now
            self.before[element], self.next[element] = now, upper


@EVERY
def test_ids_are_unique_for_ever(name: str) -> None:
    model = awake(changed(name, presence=0.0, survival=-0.2))
    video, scenery = clip(model, frames=8)
    book = Registrar(2)
    torch.manual_seed(0)
    for world, step in walked(model, video, scenery, Knobs()):
        book.enter(world, step)
    assert book.births > 3 and book.deaths > 1


def test_ids_are_unique_over_a_thousand_random_births_and_deaths() -> None:
    model = changed("tiny", presence=0.1, survival=0.5)
    _, scenery = clip(model)
    world, book = model.init(25, scenery), Registrar(25)
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(120):
            world, step = model.step(world, None, Knobs(hard=True, births=True, birth=0.1))
            book.enter(world, step)
    assert book.births > 1000 and book.deaths > 800


@EVERY
def test_empty_scenes_pass(name: str) -> None:
    model = changed(name, presence=-50.0)
    video, scenery = clip(model)
    torch.manual_seed(0)  # presence is never less likely than 1.5e-4
    rollout = observe(model, video, Knobs(weigh=True, hard=True), scenery)
    future = imagine(model, rollout.world, 2, Knobs(weigh=True))
    assert rollout.world.slots.count == 0 and future.world.slots.count == 0
    assert all(len(step.layers.batch) == 0 and not step.alpha.any() for step in rollout.steps + future.steps)
    loss = -rollout.terms.objective.mean()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


@EVERY
@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (5, 7)])
def test_any_multiple_of_the_cell_works(name: str, grid: tuple[int, int]) -> None:
    model = model_of(name)
    video, scenery = clip(model, frames=2, grid=grid)
    rollout = Rollout(*zip_last(walked(model, video, scenery)))
    assert rollout.image.shape == video.shape
    assert torch.isfinite(rollout.terms.elbo).all()
    with torch.no_grad():
        assert generate(model, 2, 2, scenery, Knobs(hard=True)).image.shape == video.shape


def zip_last(steps: list[tuple[World, Step]]) -> tuple[tuple[Step, ...], World]:
    return tuple(step for _, step in steps), steps[-1][0]


@EVERY
@pytest.mark.parametrize("extra", [(1, 0), (0, 1)])
def test_other_sizes_are_refused_with_a_way_out(name: str, extra: tuple[int, int]) -> None:
    model = model_of(name)
    cell = model.config.cell
    with pytest.raises(ValueError, match=rf"multiples of the cell, {cell}; crop or pad"):
        model.init(1, Scenery(2 * cell + extra[0], 2 * cell + extra[1]))


@EVERY
def test_larger_frames_cost_in_proportion(name: str) -> None:
    """Twice the cells: twice the features, at most twice the proposals, and twice the multiplications."""
    model = changed(name, presence=50.0)
    cost, painted, features = [], [], []
    for grid in ((8, 8), (8, 16)):
        video, scenery = clip(model, batch=1, frames=1, grid=grid)
        world = model.init(1, scenery)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            (sight,) = model.look(world, video)
            _, step = model.step(world, sight, TRACKING)
        cost.append(counter.get_total_flops())
        painted.append(len(step.layers.batch))
        features.append(sight.features.numel())
    assert features[1] == 2 * features[0]
    assert 0 < painted[0] < painted[1] <= 2 * painted[0]
    assert 1.7 < cost[1] / cost[0] < 2.05


@EVERY
def test_same_seed_same_numbers(name: str) -> None:
    model = model_of(name)
    video, scenery = clip(model)
    rollouts = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        with torch.no_grad():
            rollouts.append(observe(model, video, SAMPLING, scenery))
    first, again, other = rollouts
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.terms.log_ratio, again.terms.log_ratio)
    assert torch.equal(first.world.slots.id, again.world.slots.id)
    assert not torch.equal(first.terms.log_ratio, other.terms.log_ratio)
