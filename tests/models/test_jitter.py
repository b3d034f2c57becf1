"""Carried boxes are put aside in training, and only there."""

from dataclasses import replace

import torch

from scalor.core.geometry import WhereConfig, decode_size
from scalor.core.types import TRACKING, Knobs, Scenery
from scalor.models.propagate import ASTRAY, put_aside

SHARE = 0.1
WHERE = WhereConfig(size=14.0, size_range=0.6, ratio=0.5, ratio_range=0.5, scale="log")
SCENE = Scenery(height=64, width=64)


def test_half_of_the_boxes_of_every_other_clip_move_and_grow_by_a_share_of_their_sides(make_model) -> None:
    slots = make_model().init(1, SCENE).slots
    slots = slots.map(lambda t: t.new_zeros(4000, 1, *t.shape[2:])).replace(
        box=torch.tensor([32.0, 32.0, 20.0, 10.0]).expand(4000, 1, 4), alive=torch.ones(4000, 1, dtype=torch.bool)
    )
    torch.manual_seed(0)
    slots = slots.replace(box=torch.cat([slots.box[..., :2], decode_size(slots.size, WHERE)], dim=-1))
    aside = put_aside(slots, WHERE, SHARE)
    off = aside.box[..., :2] - slots.box[..., :2]
    moved = off.abs().amax(-1) > 0
    assert not moved[::2].any(), "nor in the only clip of a batch"
    assert abs(float(moved[1::2].float().mean()) - ASTRAY) < 0.04
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
        box = put_aside(slots, replace(WHERE, **fixed), SHARE, SHARE).box
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
    aside = put_aside(slots, WHERE, SHARE).box
    moved = (aside[..., :2] != slots.box[..., :2]).any(-1).any(0)
    assert moved[:3].tolist() == [False, False, True]
    assert (aside[..., 2:] != slots.box[..., 2:]).any(-1).any(0).all(), "all may have a wrong size"
    both = (put_aside(slots, WHERE, 0.0, SHARE).box != slots.box).any(-1).any(0)
    assert both[:3].tolist() == [True, True, False]


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


def test_the_prior_learns_from_clips_in_which_no_box_is_put_aside(make_model) -> None:
    model = make_model().train()
    world = model.init(2, SCENE)
    slots = world.slots.map(lambda t: t.new_zeros(2, 1, *t.shape[2:])).replace(
        box=torch.tensor([20.0, 20.0, 12.0, 12.0]).expand(2, 1, 4), alive=torch.ones(2, 1, dtype=torch.bool)
    )
    world = world.replace(slots=slots)
    (sight,) = model.look(world, torch.rand(2, 1, model.config.channels, 64, 64))
    for jitter, taught in ((0.1, [True, False]), (0.0, [True, True])):
        _, step = model.step(world, sight, Knobs(jitter=jitter))
        kl = step.terms.kl_what
        found = [torch.autograd.grad(each, model.propagate.dynamics.heads.weight, retain_graph=True)[0] for each in kl]
        what = slice(8, 8 + 2 * model.config.glimpse.what)
        assert [bool(each[what].any()) for each in found] == taught
