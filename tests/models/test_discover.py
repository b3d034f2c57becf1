"""Which proposals become objects."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalor.core.geometry import paste
from scalor.core.sites import LOGIT_BOUND, REJECTED, kl_presence, to_logit
from scalor.core.types import TRACKING, Knobs, Layers, Scenery, Slots, Step, World
from scalor.models.config import DiscoverConfig
from scalor.models.discover import Discover
from scalor.models.painter import Paint
from scalor.models.scalor import Scalor
from scalor.objectives.particles import PARTICLES
from scalor.rollout import observe

MakeModel = Callable[..., Scalor]
SCENE = Scenery(height=32, width=32)
OFF = float("inf")


def sequential(clash: list[list[bool]], order: list[int]) -> list[bool]:
    """Textbook suppression: from the strongest to the weakest, each one kept removes those it clashes with."""
    gone = [False] * len(order)
    for strong in order:
        if not gone[strong]:
            for weak in order[order.index(strong) + 1 :]:
                gone[weak] = gone[weak] or clash[weak][strong]
    return gone


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 12), seed=st.integers(0, 10**6), density=st.floats(0.05, 0.9))
def test_parallel_suppression_equals_the_sequential_one(count: int, seed: int, density: float) -> None:
    chance = random.Random(seed)
    order = list(range(count))
    chance.shuffle(order)
    same = [[chance.random() < density for _ in range(count)] for _ in range(count)]
    place = {item: rank for rank, item in enumerate(order)}
    clash = [[same[min(i, j)][max(i, j)] and place[j] < place[i] for j in range(count)] for i in range(count)]
    got = Discover._greedy(torch.tensor([clash], dtype=torch.float32))[0]
    assert got.bool().tolist() == sequential(clash, order)


def test_suppression_settles_chains_of_any_length() -> None:
    """Each proposal clashes with the next stronger one only: every second one stays."""
    clash = torch.diag(torch.ones(14), -1).unsqueeze(0)
    assert Discover._greedy(clash)[0].tolist() == [0.0, 1.0] * 7 + [0.0]


def squares(centers: list[tuple[float, float]]) -> tuple[Layers, Tensor]:
    """Full 8 x 8 proposals and their tight boxes."""
    count = len(centers)
    box = torch.tensor([[x, y, 8.0, 8.0] for x, y in centers])
    patch, corner = paste(torch.ones(count, 4, 8, 8), box, side=14)
    layers = Layers(torch.zeros(count).long(), torch.arange(count), patch, corner, torch.ones(count), torch.ones(count))
    tight = torch.cat([box[:, :2] - 4, box[:, :2] + 4], dim=1).unsqueeze(0)
    return layers, tight


def verdict(
    model: Scalor, centers: list[tuple[float, float]], near: list[float], explained: Tensor, chosen: list[float]
) -> list[float]:
    layers, tight = squares(centers)
    layers = layers.replace(near=torch.tensor(near))
    box = torch.tensor([[[x, y, 8.0, 8.0] for x, y in centers]])
    here = torch.ones(1, len(centers)).bool()
    duplicate = model.discover._already_explained(layers, box, here, explained, propagated(dead=[(4.0, 4.0)]))
    paint = Paint(layers, tight, torch.zeros(1, len(centers), 4, 8, 8))
    return model.discover._verdict(paint, box, torch.tensor([chosen]), duplicate)[0].tolist()


def propagated(*, alive: Sequence[tuple[float, float]] = (), dead: Sequence[tuple[float, float]] = ()) -> Slots:
    """Slots of one clip with 8 x 8 boxes at these centres; all else in them is empty."""
    blank = Slots.empty(1, what=1, paint=(4, 0, 0), sizes=(1, 1), like=torch.zeros(()))
    return blank.replace(
        box=torch.tensor([[[x, y, 8.0, 8.0] for x, y in (*alive, *dead)]]),
        alive=torch.tensor([[True] * len(alive) + [False] * len(dead)]),
    )


@pytest.mark.parametrize(("rows", "rejected"), [(2, 0.0), (3, 1.0), (8, 1.0)])
def test_what_is_explained_already_is_rejected(make_model: MakeModel, rows: int, rejected: float) -> None:
    """Of 8 rows 2 are 25 %, 3 are 37.5 %; the limit is 30 %."""
    explained = torch.zeros(1, 32, 32)
    explained[0, 12 : 12 + rows] = 0.5
    model = make_model()
    assert verdict(model, [(16.0, 16.0)], [0.9], explained, [1.0]) == [rejected]
    off = make_model(discover=DiscoverConfig(overlap=OFF))
    assert verdict(off, [(16.0, 16.0)], [0.9], explained, [1.0]) == [0.0]


def test_of_two_proposals_on_one_place_the_farther_is_rejected(make_model: MakeModel) -> None:
    nothing, pair = torch.zeros(1, 32, 32), [(16.0, 16.0), (17.0, 16.0), (26.0, 16.0)]
    model = make_model()
    assert verdict(model, pair, [0.8, 0.9, 0.7], nothing, [1.0] * 3) == [1.0, 0.0, 0.0]
    assert verdict(model, pair, [0.8, 0.8, 0.7], nothing, [1.0] * 3) == [0.0, 1.0, 0.0], "of equals one stays"
    assert verdict(model, pair, [0.8, 0.9, 0.7], nothing, [1.0, 0.0, 1.0]) == [0.0] * 3, "the absent suppress nobody"
    paper = make_model(discover=DiscoverConfig(twin_iou=OFF, twin_inside=OFF))
    assert verdict(paper, pair, [0.8, 0.9, 0.7], nothing, [1.0] * 3) == [0.0] * 3


def test_one_object_per_place_whatever_their_looks(make_model: MakeModel) -> None:
    """8 x 8 boxes shifted by 2 overlap with IoU 0.6, by 4 with IoU 1/3; dead tracks hold no place."""
    nothing, pair = torch.zeros(1, 32, 32), [(16.0, 16.0), (18.0, 16.0), (22.0, 16.0)]
    model = make_model(discover=DiscoverConfig(twin_iou=OFF, twin_box=0.5))
    assert verdict(model, pair, [0.8, 0.9, 0.7], nothing, [1.0] * 3) == [1.0, 0.0, 0.0]
    box = torch.tensor([[[x, y, 8.0, 8.0] for x, y in pair]])
    layers, _ = squares(pair)
    duplicate = model.discover._already_explained(
        layers, box, torch.ones(1, 3).bool(), nothing, propagated(alive=[(22.0, 17.0)], dead=[(16.0, 16.0)])
    )
    assert duplicate[0].tolist() == [0.0, 0.0, 1.0]


def test_the_rejected_suppress_nobody(make_model: MakeModel) -> None:
    explained = torch.zeros(1, 32, 32)
    explained[0, :, 8:14] = 1.0  # covers 75 % of the stronger, less than 30 % of the weaker
    assert verdict(make_model(), [(12.0, 16.0), (15.9, 16.0)], [0.9, 0.8], explained, [1.0, 1.0])[0] == 1.0
    loose = make_model(discover=DiscoverConfig(overlap=0.3, twin_iou=0.2))
    assert verdict(loose, [(12.0, 16.0), (15.9, 16.0)], [0.9, 0.8], explained, [1.0, 1.0]) == [1.0, 0.0]


def seen(model: Scalor, *, batch: int = 1, knobs: Knobs = TRACKING, frames: int = 2) -> list[tuple[World, Step]]:
    video = torch.rand(batch, frames, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    world, out = model.init(batch, SCENE), []
    with torch.no_grad():
        for sight in model.look(world, video):
            world, step = model.step(world, sight, knobs)
            out.append((world, step))
    return out


def eager(**changes: float) -> DiscoverConfig:
    """Every cell proposes."""
    return replace(
        DiscoverConfig(presence_bias=50.0, ring=0, twin_iou=OFF, twin_inside=OFF, overlap=OFF, proposals=64), **changes
    )


def test_without_rejection_every_cell_is_carried_and_the_slot_cap_bounds_it(make_model: MakeModel) -> None:
    merge = make_model().config.merge
    free = make_model(discover=eager(), merge=replace(merge, iou=OFF))
    assert seen(free)[0][0].slots.alive.sum() == 16
    capped = make_model(discover=eager(slots=5), merge=replace(merge, iou=OFF))
    for world, _ in seen(capped, batch=2):
        assert world.slots.alive.sum(1).tolist() == [5, 5]


def test_the_slot_cap_of_one_element_does_not_count_the_objects_of_another(make_model: MakeModel) -> None:
    model = make_model(discover=eager(slots=5))
    world = seen(model, batch=2, frames=1)[0][0]
    emptied = world.slots.alive.clone()
    emptied[1] = False
    world = world.replace(slots=world.slots.replace(alive=emptied))
    with torch.no_grad():
        sight = model.look(world, torch.rand(2, 1, 3, 32, 32))[0]
        after, step = model.step(world, sight, TRACKING)
    assert step.born.sum(1).tolist() == [0, 5]


def test_the_proposal_cap_keeps_the_nearest_of_equals(make_model: MakeModel) -> None:
    model = make_model(discover=eager(proposals=8))
    _, step = seen(model, frames=1)[0]
    assert int(step.proposed[0]) == 8, "never fewer than 8"
    depths = torch.tensor([[[0.3], [-1.0], [2.0], [0.0]]])
    pick = model.discover._pick(torch.tensor([[1.0, 1.0, 0.2, 0.0]]), depths, capped=True)
    assert pick.tolist() == [[1, 0, 2]], "by presence, then by nearness, and none that is absent"


@pytest.mark.parametrize(
    ("width", "caps", "depth"),
    [(2, {}, 1.0), (2, {"slots": 1}, 1.0), (16, {"proposals": 8}, 0.3)],
    ids=["no cap", "objects", "proposals"],
)
def test_importance_weights_without_the_likelihood_average_to_one_whoever_finds_room(
    make_model: MakeModel, width: int, caps: dict[str, int], depth: float
) -> None:
    """Prior and posterior differ in the depths alone, which say who is decoded where all cells are present."""
    model = make_model(discover=eager(**caps), posterior_shift=math.log(math.e - 1))  # softplus(shift) is 1
    scene, count = Scenery(height=8, width=8 * width), 3000
    with torch.no_grad():
        for weights in (*model.discover.detector.head.parameters(), *model.glimpses.parameters()):
            weights.zero_()
        model.discover.detector.head.bias[1] = depth
        world = model.init(count, scene)
        sight = model.look(world, torch.rand(1, 1, 3, 8, 8 * width).expand(count, -1, -1, -1, -1))[0]
        sure = 1 / (1 + math.exp(-LOGIT_BOUND))
        terms = model.step(world, sight, replace(PARTICLES, birth=sure))[1].terms
    weight = (terms.log_ratio - terms.log_like).double().exp()
    assert weight.std() > 0.5 and float(weight.mean()) == pytest.approx(1.0, abs=5 * float(weight.std()) / count**0.5)


def test_births_from_the_prior_are_not_capped(make_model: MakeModel) -> None:
    model = make_model(discover=DiscoverConfig(proposals=1, twin_iou=OFF, twin_inside=OFF))
    with torch.no_grad():
        step = model.step(model.init(1, SCENE), None, Knobs(births=True, birth=1.0 - 1e-6, hard=True))[1]
    assert int(step.proposed) == 36, "4 x 4 cells and the ring around them"


def test_a_frame_without_discovery_pays_for_nothing_being_born(make_model: MakeModel) -> None:
    found = make_model().discover.nothing(torch.tensor([0.1]), SCENE)
    assert float(found.terms.kl_pres) == pytest.approx(-36 * math.log(0.9), rel=1e-4)


def test_new_objects_take_the_next_ids_and_old_ones_keep_theirs(make_model: MakeModel) -> None:
    model = make_model(discover=eager(slots=5))
    (first, one), (second, two) = seen(model)
    assert first.slots.id[0].tolist() == [0, 1, 2, 3, 4] and one.born.all() and int(first.next_id) == 5
    assert second.slots.id[0].tolist() == [0, 1, 2, 3, 4] and not two.born.any() and int(second.next_id) == 5


def test_a_faint_proposal_is_painted_but_not_carried(make_model: MakeModel) -> None:
    model = make_model(discover=eager(keep=2.0))
    world, step = seen(model, frames=1)[0]
    assert world.slots.count == 0 and step.alpha.max() > 0.1 and int(world.next_id) == 0


def test_rejected_proposals_pay_against_a_prior_that_rules_them_out(make_model: MakeModel) -> None:
    """With all cells present and all but the first frame's explained: the presence cost is that of 1e-8."""
    model = make_model(discover=replace(eager(), overlap=0.0))
    (_, first), (_, second) = seen(model)
    logit = torch.tensor(LOGIT_BOUND)
    free, ruled = (float(kl_presence(logit, to_logit(prior))) for prior in (TRACKING.birth, REJECTED))
    assert int(first.rejected) == 0 and int(second.rejected) == 16
    assert float(first.terms.kl_pres) == pytest.approx(16 * free, rel=1e-4)
    assert float(second.terms.kl_pres) >= 16 * ruled * 0.999


def test_evidence_raises_presence_where_something_stands_out(make_model: MakeModel) -> None:
    plain, told = make_model(), make_model(discover=DiscoverConfig(presence_bias=0.3, evidence=0.5))
    foreground = torch.zeros(1, 1, 32, 32)
    foreground[..., 8:16, 8:16] = 1.0
    features, explained = torch.zeros(1, 8, 4, 4), torch.zeros(1, 32, 32)
    with torch.no_grad():
        before = torch.atanh(plain.discover.detector(features, explained, foreground).logit / 8.8).reshape(6, 6) * 8.8
        after = torch.atanh(told.discover.detector(features, explained, foreground).logit / 8.8).reshape(6, 6) * 8.8
        unknown = told.discover.detector(features, explained).logit
    change = after - before
    assert torch.allclose(change[5], torch.full((6,), -0.5), atol=1e-3), "nothing near"
    assert change[2, 2] > -0.2 and change[2, 2] > change[5, 5]
    assert torch.equal(unknown, plain.discover.detector(features, explained).logit.detach())


def test_a_world_without_objects_has_its_own_birth_prior(make_model):
    model = make_model()
    video = torch.rand(2, 2, 3, 32, 32)
    found = {}
    for first in (None, 0.3):
        torch.manual_seed(0)
        with torch.no_grad():
            found[first] = observe(model, video, Knobs(birth=1e-3, first_birth=first))
    usual, own = found[None].steps, found[0.3].steps
    assert not torch.equal(usual[0].terms.kl_pres, own[0].terms.kl_pres)
    assert usual[0].slots.alive.any(1).all(), "the second frame starts with objects in both clips"
    assert torch.equal(usual[1].terms.kl_pres, own[1].terms.kl_pres)


def test_a_world_that_has_emptied_is_no_first_frame(make_model):
    model = make_model()
    video = torch.rand(2, 1, 3, 32, 32)
    world = model.init(2, Scenery(height=32, width=32))
    born = world.replace(next_id=torch.tensor([0, 5]))
    charged = []
    for first in (None, 0.3):
        torch.manual_seed(0)
        with torch.no_grad():
            step = model.step(born, model.look(born, video)[0], Knobs(birth=1e-3, first_birth=first))[1]
        charged.append(step.terms.kl_pres)
    assert charged[0][0] != charged[1][0] and charged[0][1] == charged[1][1]
