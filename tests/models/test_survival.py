"""Who is seen, who sleeps and who is gone, given what each object explains."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from scalor.core.types import TRACKING, Scenery, Slots
from scalor.models.config import PropagateConfig
from scalor.models.scalor import Scalor
from scalor.models.survival import Odds, awake, doubt, is_cut

MakeModel = Callable[..., Scalor]


def known(count: int, *, asleep: list[int] | None = None) -> Slots:
    blank = Slots.empty(1, what=1, paint=(4, 0, 0), sizes=(1, 1), like=torch.zeros(()))
    slots = blank.map(lambda tensor: tensor.new_zeros(1, count, *tensor.shape[2:]))
    sleeping = torch.tensor([[number in (asleep or []) for number in range(count)]])
    return slots.replace(alive=torch.ones(1, count, dtype=torch.bool), asleep=sleeping)


def odds(present: list[float], continuity: list[float]) -> Odds:
    logits = torch.tensor([present])
    return Odds(logits, torch.full_like(logits, 5.0), torch.tensor([continuity]))


NO_CUT = torch.zeros(1, 1, dtype=torch.bool)


def seen(nats: list[float], *, asleep: list[int] | None = None) -> list[bool]:
    count = len(nats)
    given = odds([3.0] * count, [20.0] * count)
    return awake(known(count, asleep=asleep), given, torch.tensor([nats]), NO_CUT)[0].tolist()


def cut(continuity: list[float], foreseen: list[float] | None = None) -> bool:
    count = len(continuity)
    nats = torch.full((1, count), 50.0)
    expected = None if foreseen is None else torch.tensor([foreseen])
    return bool(is_cut(known(count), odds([3.0] * count, continuity), nats, expected))


def frames_known(hidden: float, count: int = 1) -> int:
    """For how many frames one of ``count`` objects is known that is missed from now on, the others are seen."""
    slots = known(count)
    shown = torch.tensor([[False] + [True] * (count - 1)])
    for frame in range(100):
        doubts = doubt(slots, shown, shown, torch.full((1, count), hidden))
        if TRACKING.patience is not None and float(doubts[0, 0]) >= TRACKING.patience:
            return frame
        slots = slots.replace(doubt=doubts, asleep=slots.alive & ~shown)
    return 100


def test_the_hidden_go_on_ghosts_do_not() -> None:
    assert seen([50.0, 0.0, -30.0]) == [True, True, False]


def test_a_sleeper_wakes_only_where_it_explains_what_it_did() -> None:
    assert seen([50.0, 0.5, 30.0], asleep=[1, 2]) == [True, False, True]
    slots = known(2, asleep=[0, 1]).replace(evidence=torch.tensor([[100.0, 200.0]]))
    assert awake(slots, odds([-3.0, -3.0], [0.0, 0.0]), torch.tensor([[40.0, 40.0]]), NO_CUT)[0].tolist() == [
        True,
        False,
    ]


def test_absence_by_the_network_is_absence() -> None:
    given = odds([3.0, -1.0], [20.0, 20.0])
    assert awake(known(2), given, torch.tensor([[10.0, 10.0]]), NO_CUT)[0].tolist() == [True, False]


def test_after_a_cut_nobody_is_seen() -> None:
    slots, given = known(2), odds([3.0, 3.0], [20.0, 20.0])
    assert awake(slots, given, torch.tensor([[50.0, 50.0]]), ~NO_CUT)[0].tolist() == [False, False]


def test_a_cut_is_where_several_are_likelier_to_be_new() -> None:
    assert cut([-30.0, -25.0, 10.0, -40.0])
    assert not cut([-30.0, 25.0, 20.0, 30.0]), "one odd object among others"
    assert not cut([-90.0]), "one alone that swerves"
    assert not cut([-90.0, 3.0]), "one of two that swerves"
    assert cut([-30.0, -30.0])


def test_a_scene_that_is_as_expected_is_no_cut() -> None:
    assert not cut([-12.0, -12.0, -12.0], foreseen=[400.0, 200.0, -3.0]), "a light goes on"
    assert cut([-30.0, -25.0, -20.0, -40.0], foreseen=[40.0, -20.0, -60.0, -3.0]), "one by chance"
    crowd = [60.0, -90.0] * 40
    assert cut([-30.0] * 80, foreseen=crowd), "in a crowd something is near everywhere"


def test_where_all_explain_a_fraction_of_what_they_did_it_is_a_cut() -> None:
    slots = known(2).replace(evidence=torch.tensor([[300.0, 200.0]]))
    given, unexpected = odds([3.0, 3.0], [10.0, 10.0]), torch.tensor([[-200.0, -100.0]])
    assert bool(is_cut(slots, given, torch.tensor([[60.0, 20.0]]), unexpected)), "looks are alike, places are not"
    assert not bool(is_cut(slots, given, torch.tensor([[260.0, 1.0]]), unexpected)), "one of two is hidden"
    assert not bool(is_cut(slots, given, torch.tensor([[60.0, 20.0]]), -unexpected)), "both are nearly hidden"


@pytest.mark.parametrize(("hidden", "least", "most"), [(0.0, 1, 2), (0.5, 3, 6), (1.0, 10, 16)])
def test_the_better_hidden_the_longer_known(hidden: float, least: int, most: int) -> None:
    """One missed frame ends nobody, three before visible background do; who may be hidden is waited for."""
    assert least <= frames_known(hidden, count=5) <= most


def test_things_hide_one_at_a_time() -> None:
    slots, missed = known(4), torch.zeros(1, 4, dtype=torch.bool)
    covered = torch.ones(1, 4)
    together = doubt(slots, missed, missed, covered)
    others = torch.tensor([[False, True, True, True]])
    alone = doubt(slots, others, others, covered)
    assert float(together[0, 0]) > 3 > 1 > float(alone[0, 0])


def test_who_is_seen_is_forgiven() -> None:
    slots = known(2).replace(doubt=torch.tensor([[3.0, 3.0]]))
    after: Tensor = doubt(slots, *[torch.tensor([[True, False]])] * 2, torch.ones(1, 2))
    assert float(after[0, 0]) == 0.0 and float(after[0, 1]) > 3.0


@pytest.mark.parametrize(("hidden", "least", "most"), [(1.0, 1.0, 2.0), (0.0, 10.0, 20.0)])
def test_one_that_is_painted_and_earns_nothing_is_behind_others_or_gone(
    hidden: float, least: float, most: float
) -> None:
    slots, painted = known(1), torch.ones(1, 1, dtype=torch.bool)
    for _ in range(5):
        slots = slots.replace(doubt=doubt(slots, painted, ~painted, torch.full((1, 1), hidden)))
    assert least < float(slots.doubt) < most


def test_what_is_not_looked_at_neither_wakes_nor_ends(make_model: MakeModel) -> None:
    """An undecodable frame, or an imagined one: doubt in nats is no absence."""
    model = make_model(propagate=PropagateConfig(tracker=16, dynamics=16, attended=16, window=2, survival_bias=8.0))
    world = model.init(1, Scenery(32, 32))
    slots = world.slots.map(lambda tensor: tensor.new_zeros(1, 2, *tensor.shape[2:]))
    slots = slots.replace(
        latents=slots.latents.replace(pres=torch.ones(1, 2)),
        box=torch.tensor([[[8.0, 8.0, 8.0, 8.0], [24.0, 24.0, 8.0, 8.0]]]),
        doubt=torch.tensor([[0.0, 3.0]]),
        asleep=torch.tensor([[False, True]]),
        id=torch.tensor([[0, 1]]),
        alive=torch.ones(1, 2, dtype=torch.bool),
    )
    with torch.no_grad():
        after, step = model.step(world.replace(slots=slots, next_id=torch.tensor([2])), None, TRACKING)
    assert after.slots.alive.all() and after.slots.asleep[0].tolist() == [False, True]
    painted = step.layers.slot[step.layers.pres > 0].tolist()
    assert painted == [0], "who sleeps is not painted in what is imagined"
