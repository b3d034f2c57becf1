"""Blobs of an object's size become labels of cells, others are no statement; learning from them finds things."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from scalor.configs.presets import tiny
from scalor.core.geometry import WhereConfig, cell_centers
from scalor.core.schedule import Recipe, bootstrap_weight
from scalor.core.types import Knobs, Scenery, Slots
from scalor.models.config import BackgroundConfig, RenderConfig
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout, observe
from scalor.training.bootstrap import RARE, bootstrap_loss, labels_of, misplaced
from scalor.training.copy_paste import ForegroundLayers, copy_paste
from scalor.training.foreground_blobs import ROOM, blobs_of, layered

WHERE = WhereConfig(size=10.0, size_range=0.5, ratio=1.0, ratio_range=0.5, scale="log")
CELL = 4


CENTERS = cell_centers(8, 12, cell=CELL, like=torch.zeros(()))


def mask_of(*blobs: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((32, 48), bool)
    for left, top, width, height in blobs:
        mask[top : top + height, left : left + width] = True
    return mask


def labels(*blobs: tuple[int, int, int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of one 32 x 48 mask with blobs (left, top, width, height): present and weight as grids, owner and box."""
    found = labels_of([blobs_of(mask_of(*blobs), WHERE)], CENTERS, cell=CELL)
    return found.present.view(8, 12), found.weight.view(8, 12), found.owner, found.box


def test_a_blob_of_an_objects_size_is_the_object_of_the_cell_at_its_middle() -> None:
    present, weight, owner, box = labels((9, 10, 9, 10))
    assert present.nonzero().tolist() == [[3, 3]]
    assert weight[3, 3] == RARE
    assert owner.tolist() == [[0, 3 * 12 + 3]]
    assert box.tolist() == [pytest.approx([13.5, 15.0, 9.0 * ROOM, 10.0 * ROOM])]


def test_cells_around_the_middle_are_left_alone_and_far_ones_are_empty() -> None:
    _, weight, _, _ = labels((9, 10, 9, 10))
    assert weight[3, 2] == weight[2, 3] == 0
    assert weight[0, 0] == weight[7, 11] == 1


@pytest.mark.parametrize("blob", [(4, 4, 40, 24), (10, 10, 4, 4), (0, 10, 2, 10), (10, 30, 9, 2), (8, 14, 30, 5)])
def test_what_is_no_single_whole_object_says_nothing(blob: tuple[int, int, int, int]) -> None:
    present, weight, owner, _ = labels(blob)
    assert not present.any()
    assert len(owner) == 0
    left, top, width, height = blob
    row, column = (top + height // 2) // CELL, (left + width // 2) // CELL
    assert weight[row, column] == 0


def test_of_what_is_cut_off_by_the_edge_the_other_edges_are_known() -> None:
    present, _, _, box = labels((0, 10, 5, 10), (30, 26, 9, 6))
    known = labels_of([blobs_of(mask_of((0, 10, 5, 10), (30, 26, 9, 6)), WHERE)], CENTERS, cell=CELL).known
    assert known.tolist() == [[False, True, True, True], [True, True, True, False]]
    usual = WHERE.size / ROOM
    assert box[0].tolist() == pytest.approx([5 - usual / 2, 15.0, WHERE.size, 10 * ROOM])
    assert box[1].tolist() == pytest.approx([34.5, 26 + usual / 2, 9 * ROOM, WHERE.size])
    assert present.nonzero().tolist() == [[3, 0], [7, 8]]


def test_specks_are_noise() -> None:
    _, weight, _, _ = labels((10, 10, 2, 3))
    assert (weight == 1).all()


def test_the_weight_falls_to_nothing() -> None:
    recipe = Recipe(bootstrap=100.0)
    assert bootstrap_weight(recipe, 0.0) == 100.0
    assert bootstrap_weight(recipe, 0.5) == 50.0
    assert bootstrap_weight(recipe, 1.0) == bootstrap_weight(recipe, 1.1) == 0.0
    assert bootstrap_weight(Recipe(), 0.0) == 0.0


def footage_model(family: str) -> Scalor:
    torch.manual_seed(0)
    config = replace(tiny().scalor, background=BackgroundConfig(family=family), where=WHERE)
    return Scalor(replace(config, render=RenderConfig(stand_out_sigma=0.3)))


def scene() -> tuple[Tensor, Scenery]:
    video = torch.full((2, 1, 3, 32, 48), 0.5)
    video[0, :, :, 10:20, 9:19] = 1.0
    video[1, :, :, 16:26, 30:39] = 0.0
    return video, Scenery(height=32, width=48, backdrop=torch.full((2, 3, 32, 48), 0.5))


def seen(model: Scalor, video: Tensor, scenery: Scenery) -> Rollout:
    return observe(model, video, Knobs(hard=True, carry=True), scenery)


def replace_last(rollout: Rollout, slots: Slots) -> Rollout:
    """The same of its last frame alone, with other objects."""
    return replace(rollout, steps=(rollout.steps[-1].replace(slots=slots),))


@pytest.mark.slow
def test_what_is_learned_from_blobs_is_where_they_are() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(120):
        adam.zero_grad()
        loss = bootstrap_loss(model, video, scenery, seen(model, video, scenery))
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]
    sight = model.look(model.init(2, scenery), video[:, :1])[0]
    assert sight.features is not None
    cells = model.discover.detector(sight.features, torch.zeros(2, 32, 48), sight.foreground)
    best = cells.logit.argmax(1)
    assert (cells.center[best] - torch.tensor([[14.0, 15.0], [34.5, 21.0]])).abs().max() <= model.config.cell
    assert (cells.logit.amax(1) > 0).all()


def test_an_object_on_a_blob_is_drawn_to_it_and_a_second_one_is_surplus() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    rollout = seen(model, video, scenery)
    step = rollout.steps[-1]
    box = torch.tensor([[[14.0, 16.0, 20.0, 20.0], [16.0, 12.0, 6.0, 6.0], [40.0, 8.0, 9.0, 9.0]]] * 2)
    slots = step.slots.map(lambda part: part[:, :1].repeat_interleave(3, 1))
    pres = torch.ones(2, 3, 1).squeeze(-1).requires_grad_()
    there = torch.ones(2, 3, dtype=torch.bool)
    slots = slots.replace(
        box=box.requires_grad_(), alive=there, asleep=~there, latents=slots.latents.replace(pres=pres)
    )
    loss = bootstrap_loss(model, video, scenery, replace_last(rollout, slots))
    place, surplus = torch.autograd.grad(loss, [box, pres])
    assert place[0, 0, 2] > 0
    assert (place[0, 1:] == 0).all()
    assert (surplus[0] > 0).tolist() == [False, True, False]
    assert (surplus[1] == 0).all()


def test_what_passes_before_another_thing_is_told_apart_from_it() -> None:
    """Two that touch are no single object by their common mask; of the one behind, the hidden edge is not known."""
    front, back = mask_of((18, 10, 9, 9)), mask_of((11, 10, 9, 9), (36, 20, 9, 9))
    assert len(blobs_of(front | back, WHERE).single) == 1
    found = layered(front, back, WHERE)
    assert found.single[:, 0].tolist() == [22.5, 15.5, 40.5]
    assert found.known.tolist() == [[True] * 4, [True, True, False, True], [True] * 4]
    assert not len(found.hidden)
    assert labels_of([found], CENTERS, cell=CELL).owner[:, 1].tolist() == [3 * 12 + 5, 3 * 12 + 3, 6 * 12 + 10]


def test_of_what_is_hidden_nothing_is_said() -> None:
    found = layered(mask_of((12, 10, 10, 10)), mask_of((11, 11, 9, 9)), WHERE)
    assert found.single.tolist() == [[17.0, 15.0, 10.0, 10.0]]
    assert found.hidden.tolist() == [[15.5, 15.5, 9.0, 9.0]]
    assert labels_of([found], CENTERS, cell=CELL).present.sum() == 1


def test_middles_in_one_cell_are_two_cells_objects() -> None:
    found = blobs_of(mask_of((12, 12, 9, 9)), WHERE)
    both = replace(found, single=np.concatenate([found.single, found.single + 0.5]), known=np.ones((2, 4), bool))
    owner = labels_of([both], CENTERS, cell=CELL).owner
    assert len(owner) == 2 and owner[0].tolist() != owner[1].tolist()


def test_objects_of_two_that_overlap_are_surplus_to_neither() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    before = scenery.backdrop.unsqueeze(1).clone()
    before[0, :, :, 12:22, 15:24] = 0.0
    rollout = seen(model, video, scenery)
    step = rollout.steps[-1]
    # The first thing's, the second's, and another one on the second.
    box = torch.tensor([[[14.0, 15.0, 11.0, 11.0], [19.5, 17.0, 10.0, 11.0], [21.0, 19.0, 9.0, 9.0]]] * 2)
    slots = step.slots.map(lambda part: part[:, :1].repeat_interleave(3, 1))
    pres, there = torch.ones(2, 3).requires_grad_(), torch.ones(2, 3, dtype=torch.bool)
    slots = slots.replace(box=box, alive=there, asleep=~there, latents=slots.latents.replace(pres=pres))
    mixed, layers = copy_paste(model, video, before, scenery)
    assert isinstance(layers, ForegroundLayers)
    loss = bootstrap_loss(model, mixed, scenery, replace_last(rollout, slots), layers)
    assert (torch.autograd.grad(loss, pres)[0] > 0).tolist() == [[False, False, True], [False, False, False]]


def test_boxes_are_off_by_their_distance_and_size() -> None:
    box = torch.tensor([10.0, 10.0, 8.0, 8.0])
    assert misplaced(box, box).sum() == 0
    near, far = (misplaced(box + torch.tensor([x, 0.0, 0.0, 0.0]), box).sum() for x in (1.0, 4.0))
    assert 0 < near < far
    assert misplaced(box + torch.tensor([4.0, 0.0, 0.0, 0.0]), box, torch.zeros(4, dtype=torch.bool)).sum() == 0
    assert misplaced(box * torch.tensor([1.0, 1.0, 2.0, 1.0]), box).sum() > 0


def test_without_an_empty_scene_there_is_nothing_to_learn_from() -> None:
    video, scenery = scene()
    model = footage_model("none")
    assert float(bootstrap_loss(model, video, scenery, seen(model, video, scenery))) == 0.0


def test_what_moves_need_not_be_asked_for_elsewhere() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    quiet = Scalor(replace(model.config, render=RenderConfig()))
    assert quiet.look(quiet.init(2, scenery), video)[0].foreground is None
    assert float(bootstrap_loss(quiet, video, scenery, seen(quiet, video, scenery)).detach()) > 0


def test_what_the_rollout_saw_teaches_as_much_as_another_look() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    torch.manual_seed(0)
    rollout = seen(model, video, scenery)
    assert rollout.sights
    found = []
    for each in (rollout, replace(rollout, sights=())):
        loss = bootstrap_loss(model, video, scenery, each)
        found.append([loss, *torch.autograd.grad(loss, list(model.encoder.parameters()), retain_graph=True)])
    torch.testing.assert_close(found[0], found[1])
    assert all((part != 0).any() for part in found[0])


def test_where_something_is_hidden_the_clips_themselves_teach() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    hidden = observe(model, video, Knobs(hard=True, carry=True), scenery, shown=torch.full_like(video, 0.5))
    clear = bootstrap_loss(model, video, scenery, replace(hidden, sights=()))
    assert torch.equal(bootstrap_loss(model, video, scenery, hidden), clear)


def test_frames_without_objects_cost_what_is_not_proposed() -> None:
    model, (video, scenery) = footage_model("median"), scene()
    empty = seen(model, video, scenery).steps[-1].slots.map(lambda part: part[:, :0])
    assert torch.isfinite(bootstrap_loss(model, video, scenery, replace_last(seen(model, video, scenery), empty)))
