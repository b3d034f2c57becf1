"""Carried boxes are put aside in training, and only there."""

from dataclasses import replace

import pytest
import torch

from scalor.core.geometry import WhereConfig, decode_size
from scalor.core.types import TRACKING, Knobs, Scenery
from scalor.models.propagate import ASTRAY, put_aside

SHARE = 0.1
WHERE = WhereConfig(size=14.0, size_range=0.6, ratio=0.5, ratio_range=0.5, scale="log")
SCENE = Scenery(height=64, width=64)


def test_boxes_move_and_grow_by_a_share_of_their_sides(make_model) -> None:
    slots = make_model().init(1, SCENE).slots
    slots = slots.map(lambda t: t.new_zeros(4000, 1, *t.shape[2:])).replace(
        box=torch.tensor([32.0, 32.0, 20.0, 10.0]).expand(4000, 1, 4), alive=torch.ones(4000, 1, dtype=torch.bool)
    )
    torch.manual_seed(0)
    slots = slots.replace(box=torch.cat([slots.box[..., :2], decode_size(slots.size, WHERE)], dim=-1))
    astray = torch.rand(4000, 1) < ASTRAY
    aside = put_aside(slots, astray, WHERE, SHARE)
    off = aside.box[..., :2] - slots.box[..., :2]
    moved = off.abs().amax(-1) > 0
    assert torch.equal(moved, astray)
    sides = off[moved].std(0) / SHARE
    assert (sides / slots.box[0, 0, 2:] - 1).abs().max() < 0.1
    area = (aside.box[..., 2:].prod(-1) / slots.box[..., 2:].prod(-1)).log() / 2
    assert ((area != 0) == moved).all() and abs(float(area[moved].std()) / SHARE - 1) < 0.1
    # All that is known of sizes is wrong together: what it is, was and usually is.
    assert torch.allclose(decode_size(aside.size, WHERE), aside.box[..., 2:], rtol=1e-5)
    assert torch.equal(aside.size, aside.habit[..., :2]) and torch.equal(aside.size, aside.latents.where[..., :2])


def test_a_size_or_shape_that_cannot_vary_stays(make_model) -> None:
    slots = make_model().init(1, SCENE).slots
    slots = slots.map(lambda t: t.new_zeros(400, 1, *t.shape[2:]))
    slots = slots.replace(box=torch.cat([slots.box[..., :2], decode_size(slots.size, WHERE)], dim=-1))
    for fixed in ({"size_range": 0.0}, {"ratio_range": 0.0}, {"size_range": 0.0, "scale": "linear"}):
        box = put_aside(slots, slots.age == 0, replace(WHERE, **fixed), SHARE, SHARE).box
        assert box.isfinite().all()
        varies = box[..., 2:].prod(-1) if "size_range" in fixed else box[..., 2] / box[..., 3]
        torch.testing.assert_close(varies, varies[:1].expand_as(varies))


def test_boxes_with_and_without_room_are_told_apart(make_model) -> None:
    """Empty slots are no neighbours."""
    slots = make_model().init(1, SCENE).slots
    slots = slots.map(lambda t: t.new_zeros(400, 4, *t.shape[2:])).replace(
        box=torch.tensor(
            [[10.0, 10.0, 10.0, 10.0], [21.0, 10.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0]]
        ).expand(400, 4, 4),
        alive=torch.tensor([True, True, True, False]).expand(400, 4),
    )
    torch.manual_seed(0)
    aside = put_aside(slots, slots.age == 0, WHERE, SHARE).box
    moved = (aside[..., :2] != slots.box[..., :2]).any(-1).any(0)
    assert moved[:3].tolist() == [False, False, True]
    assert (aside[..., 2:] != slots.box[..., 2:]).any(-1).any(0).all(), "all may have a wrong size"
    both = (put_aside(slots, slots.age == 0, WHERE, 0.0, SHARE).box != slots.box).any(-1).any(0)
    assert both[:3].tolist() == [True, True, False]


def test_half_of_the_objects_are_put_aside_whatever_the_batch(make_model) -> None:
    """Looks are changed with all that is known of them, the mask that is remembered too."""
    model = make_model()
    slots = model.init(1, SCENE).slots
    slots = slots.map(lambda t: t.new_zeros(1, 400, *t.shape[2:])).replace(
        box=torch.tensor([32.0, 32.0, 20.0, 10.0]).expand(1, 400, 4), alive=torch.ones(1, 400, dtype=torch.bool)
    )
    torch.manual_seed(0)
    aside = model.propagate._disturbed(slots, Knobs(jitter=SHARE, jitter_beside=SHARE, jitter_looks=0.5))
    moved = (aside.box != slots.box).any(-1)
    off = aside.latents.what - slots.latents.what
    assert abs(float(moved.float().mean()) - ASTRAY) < 0.06 and torch.equal((off != 0).any(-1), moved)
    assert abs(float(off[moved].std()) - 0.5) < 0.05
    assert torch.equal(aside.habit[..., 4:-1], off) and torch.equal(aside.latents.where, aside.habit[..., :4])
    if model.config.glimpse.context:
        assert torch.allclose(aside.paint[moved], model.painter.decoder(aside.latents.what[moved]), atol=1e-6)


def test_frames_that_nobody_looks_at_have_no_jitter(make_model) -> None:
    """Dreams go on from where things are."""
    model = make_model().eval()
    world = model.init(1, SCENE)
    slots = world.slots.map(lambda t: t.new_zeros(1, 2, *t.shape[2:])).replace(
        box=torch.tensor([[[20.0, 20.0, 12.0, 12.0], [44.0, 40.0, 12.0, 12.0]]]),
        id=torch.arange(2).unsqueeze(0),
        alive=torch.ones(1, 2, dtype=torch.bool),
    )
    world = world.replace(slots=slots)
    with torch.no_grad():
        dreams = [model.step(world, None, replace(TRACKING, jitter=each))[1].slots.box for each in (0.0, 0.5)]
    assert dreams[0].shape[1] == 2 and torch.equal(*dreams)


@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_nothing_is_expected_of_what_is_put_aside(make_model, jitter: float) -> None:
    model = make_model().train()
    world = model.init(1, SCENE)
    slots = world.slots.map(lambda t: t.new_zeros(1, 1, *t.shape[2:])).replace(
        box=torch.tensor([[[20.0, 20.0, 12.0, 12.0]]]), alive=torch.ones(1, 1, dtype=torch.bool)
    )
    slots = slots.replace(habit=slots.habit.requires_grad_())
    world = world.replace(slots=slots)
    (sight,) = model.look(world, torch.rand(1, 1, model.config.channels, 64, 64))
    _, step = model.step(world, sight, Knobs(jitter=jitter))
    loss = step.terms.kl_what.sum() - step.terms.log_like.sum()
    heads, habit = torch.autograd.grad(loss, (model.propagate.dynamics.heads.weight, slots.habit), allow_unused=True)
    assert bool(heads[:-1].any()) == (jitter == 0.0)
    assert (habit is not None and bool(habit[..., 4:-1].any())) == (jitter == 0.0)
