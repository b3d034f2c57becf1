"""The rules by which tracks live on, fade and end."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from scalor.core.sites import Gaussian
from scalor.core.types import TRACKING, Knobs, Scenery, Slots
from scalor.models.config import MergeConfig, PropagateConfig
from scalor.models.guides import Prior
from scalor.models.scalor import Scalor

SCENE = Scenery(height=32, width=32)
KEPT = Knobs(stochastic=False)
MakeModel = Callable[..., Scalor]


def slots_at(boxes: list[list[float]], model: Scalor, *, pres: float = 1.0) -> Slots:
    """Living tracks of one batch element with ids 0, 1, ..."""
    count = len(boxes)
    full = model.init(1, SCENE).slots.map(lambda t: t.new_zeros(1, count, *t.shape[2:]))
    return full.replace(
        latents=full.latents.replace(pres=torch.full((1, count), pres)),
        box=torch.tensor([boxes]),
        id=torch.arange(count).unsqueeze(0),
        alive=torch.ones(1, count, dtype=torch.bool),
    )


def survive(model: Scalor, slots: Slots) -> Slots:
    """The paper's rule and merging; presence as it is."""
    with torch.no_grad():
        counted, paint = model.propagate.survival.count(slots)
        return model.propagate.survival.merge(counted, paint)


def with_presence(slots: Slots, pres: float) -> Slots:
    return slots.replace(latents=slots.latents.replace(pres=torch.full_like(slots.latents.pres, pres)))


def frames_lived(model: Scalor, pres: list[float]) -> int:
    slots = slots_at([[16.0, 16.0, 8.0, 8.0]], model)
    for frame, value in enumerate(pres):
        slots = survive(model, with_presence(slots, value))
        if not slots.alive[0, 0]:
            assert float(slots.latents.pres[0, 0]) == 0.0, "what has ended is not painted"
            return frame
    return len(pres)


@pytest.mark.parametrize(
    ("pres", "lived"),
    [
        ([0.45], 1),  # deficit 0.55
        ([0.35], 0),  # 0.65
        ([0.75, 0.75, 0.75], 2),  # 0.25, 0.5, 0.75: absences add up over the whole life
        ([0.75, 1.0, 0.75, 1.0, 0.75], 4),
        ([0.88] * 40, 4),  # 0.12, 0.24, 0.36, 0.48, 0.60
    ],
)
def test_a_track_ends_when_its_absences_add_up(make_model: MakeModel, pres: list[float], lived: int) -> None:
    assert frames_lived(make_model(), pres) == lived


def test_a_dead_slot_never_comes_back(make_model: MakeModel) -> None:
    model = make_model()
    slots = slots_at([[16.0, 16.0, 8.0, 8.0]], model)
    slots = slots.replace(alive=torch.zeros_like(slots.alive))
    assert not survive(model, slots).alive.any()


def test_tracks_end_out_of_view_however_they_are_drawn(make_model: MakeModel) -> None:
    """The last one lies outside, but a frame that is only compared with does not tell where its objects went."""
    model = make_model()
    slots = slots_at([[-9.0, 16.0, 8.0, 8.0], [2.0, 16.0, 8.0, 8.0], [60.0, 16.0, 8.0, 8.0]], model)
    still = PropagateConfig(tracker=16, dynamics=16, attended=16, window=2, leave=10.0)
    model = make_model(propagate=still)
    with torch.no_grad():
        sight = model.look(model.init(1, SCENE), torch.rand(1, 1, 3, 32, 32))[0]
        for knobs in (TRACKING, Knobs(), KEPT):
            ground = torch.zeros(1, 3, 32, 32)
            alive = model.propagate(slots, sight, ground, SCENE, knobs).slots.alive[0]
            assert not alive[0] and not alive[2]
        blind = model.propagate(slots, sight.replace(features=None), None, SCENE, replace(KEPT, keep_alive=False))
    assert blind.slots.alive.all()


def history(model: Scalor, boxes: list[list[list[float]]]) -> list[list[int]]:
    """Ids alive after each frame, tracks being at the given boxes."""
    slots, out = slots_at(boxes[0], model), []
    for now in boxes:
        slots = survive(model, with_presence(slots.replace(box=torch.tensor([now])), 1.0))
        out.append(slots.id[0][slots.alive[0]].tolist())
    return out


HERE, BESIDE, FAR = [10.0, 10.0, 8.0, 8.0], [10.5, 10.0, 8.0, 8.0], [24.0, 24.0, 8.0, 8.0]


def test_of_two_equal_tracks_on_one_place_the_younger_ends_after_three_frames(make_model: MakeModel) -> None:
    model = make_model(merge=MergeConfig(iou=0.6, frames=3))
    assert history(model, [[HERE, BESIDE, FAR]] * 4) == [[0, 1, 2], [0, 1, 2], [0, 2], [0, 2]]


def test_a_passing_track_is_not_a_double(make_model: MakeModel) -> None:
    """The count starts again when the two part."""
    model = make_model(merge=MergeConfig(iou=0.6, frames=3))
    meet, part = [HERE, BESIDE], [HERE, FAR]
    assert history(model, [meet, meet, part, meet, meet, part])[-1] == [0, 1]


def test_merging_can_be_switched_off_and_goes_by_age_not_by_slot(make_model: MakeModel) -> None:
    off = make_model(merge=MergeConfig(iou=float("inf")))
    assert history(off, [[HERE, BESIDE]] * 6)[-1] == [0, 1]
    model = make_model(merge=MergeConfig(iou=0.6, frames=1))
    slots = slots_at([HERE, BESIDE], model)
    swapped = slots.replace(id=torch.tensor([[7, 3]]))
    left = survive(model, swapped)
    assert left.id[0][left.alive[0]].tolist() == [3]
    steady = survive(model, swapped.replace(continuity=torch.tensor([[20.0, 5.0]])))
    assert steady.id[0][steady.alive[0]].tolist() == [7], "the one whose looks and motion went on stays"


def test_one_frame_moves_a_box_by_no_more_than_the_motion(make_model: MakeModel) -> None:
    model = make_model()
    slots = slots_at([HERE, FAR, [31.0, 1.0, 8.0, 8.0]], model)
    for _ in range(20):
        with torch.no_grad():
            moved = model.propagate(slots, None, None, SCENE, Knobs())
        step = moved.slots.box[..., :2] - slots.box[..., :2]
        assert float(step.abs().max()) <= model.config.where.motion + 1e-4
        assert (moved.slots.box[..., :2] >= -0.8 - 1e-4).all() and (moved.slots.box[..., :2] <= 32.8 + 1e-4).all()
        assert torch.equal(moved.slots.id, slots.id), "propagation names nobody anew"


def test_codes_are_charged_by_presence(make_model: MakeModel) -> None:
    """Presence is ruled out of one track: it pays for its presence alone."""
    model = make_model()
    video = torch.rand(1, 1, 3, 32, 32)

    def cost(boxes: list[list[float]], alive: list[bool]) -> tuple[Tensor, Tensor]:
        slots = slots_at(boxes, model).replace(alive=torch.tensor([alive]))
        with torch.no_grad():
            world = model.init(1, SCENE)
            sight = model.look(world, video)[0]
            terms = model.propagate(slots, sight, None, SCENE, KEPT).terms
        return terms.kl, terms.kl_what

    both, one, none = cost([HERE, FAR], [True, True]), cost([HERE], [True]), cost([HERE, FAR], [False, False])
    also, other = cost([HERE, FAR], [True, False]), cost([FAR], [True])
    assert float(none[0]) == 0.0 and float(one[1]) > 0
    torch.testing.assert_close(also[0], one[0])
    torch.testing.assert_close(both[0], one[0] + other[0])


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize("reflect", [False, True])
def test_a_centre_stops_or_turns_round_at_the_margin(make_model: MakeModel, reflect: bool, side: float) -> None:
    """Half a typical box beyond the view; the step of two pixels would go one pixel further."""
    model = make_model(propagate=PropagateConfig(leave=0.5, reflect=reflect))
    where = torch.zeros(1, 1, 4)
    where[..., 2] = side * torch.atanh(torch.tensor(2.0 / model.config.where.motion))
    where.requires_grad_()
    width = model.config.where.size
    margin = 16.0 + side * (16.0 + width / 2)
    slots = slots_at([[margin - side, 16.0, width, width]], model)
    what, depth = (Gaussian.standard(code) for code in (slots.latents.what, slots.latents.depth))
    guide = Prior(Gaussian(where, torch.ones_like(where)), what, depth, where[..., 0])
    moved = model.propagate._move(slots, guide, guide, SCENE, KEPT)[1]
    box, after = moved.box, moved.latents.where
    place = margin - side if reflect else margin
    torch.testing.assert_close(box[0, 0, :2], torch.tensor([place, 16.0]))
    torch.testing.assert_close(after, where * torch.tensor([1.0, 1.0, -1.0 if reflect else 1.0, 1.0]))
    (slope,) = torch.autograd.grad(box[0, 0, 0], where)
    assert float(slope[0, 0, 2]) < 0 if reflect else float(slope[0, 0, 2]) == 0


def test_imagined_objects_come_back(make_model: MakeModel) -> None:
    """Two hundred frames straight on: nobody stays at a wall, nobody gets past one."""
    model = make_model(propagate=PropagateConfig(leave=0.5, reflect=True))
    width = model.config.where.size
    slots = slots_at([[16.0, 16.0, width, width]], model)
    step = torch.tensor([[[0.0, 0.0, 0.9, -0.4]]])
    slots = slots.replace(latents=slots.latents.replace(where=step))
    what, depth = (Gaussian.standard(code) for code in (slots.latents.what, slots.latents.depth))
    places = []
    for _ in range(200):
        where = slots.latents.where
        guide = Prior(Gaussian(where, torch.ones_like(where)), what, depth, where[..., 0])
        slots = model.propagate._move(slots, guide, guide, SCENE, KEPT)[1]
        places.append(slots.box[0, 0, :2])
    path = torch.stack(places)
    assert (path >= -width / 2).all() and (path <= SCENE.width + width / 2).all()
    inside = (path > 8.0) & (path < 24.0)
    assert (inside.float().mean(0) > 0.2).all()


@pytest.mark.parametrize("steady", [True, False])
def test_looks_that_are_expected_to_stay_do_not_drift_in_futures(make_model: MakeModel, steady: bool) -> None:
    model = make_model(propagate=replace(make_model().config.propagate, steady=steady, habit=100))
    with torch.no_grad():
        model.propagate.dynamics.heads.bias.fill_(0.3)
        slots = slots_at([[16.0, 16.0, 8.0, 8.0]], model)
        what = torch.randn_like(slots.latents.what)
        looks = torch.cat([torch.zeros(1, 1, 4), what, torch.ones(1, 1, 1)], dim=-1)
        slots = slots.replace(latents=slots.latents.replace(what=what, depth=torch.ones(1, 1, 1)), habit=looks)
        world = model.init(1, SCENE).replace(slots=slots)
        for _ in range(20):
            world, _ = model.step(world, None, replace(KEPT, keep_alive=True))
    after = world.slots.latents
    assert torch.allclose(after.what, what, atol=1e-5) == steady
    assert torch.allclose(after.depth, torch.ones(1, 1, 1), atol=1e-5) == steady
    assert torch.allclose(world.slots.size, slots.size, atol=1e-5) == steady
    assert not torch.equal(world.slots.box[..., :2], slots.box[..., :2])  # it moves all the same
