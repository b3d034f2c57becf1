"""Objects one after the other: the chain stops at the first absence, room is kept, and detections are linked."""

import math

import pytest
import torch

from scalor.core.types import Knobs, Slots
from scalor.models.baselines.air import linked
from scalor.models.baselines.finder import Chain
from scalor.models.baselines.frames import no_slots
from scalor.models.baselines.objects import ObjectsConfig, blank, box_of, code_of
from scalor.models.baselines.silot import selected

HARD = Knobs(hard=True)
SURE, NEVER = torch.tensor([50.0]), torch.tensor([-50.0])
FREE = torch.ones(1)


def chained(*logits: torch.Tensor, prior: float = 0.0) -> list[Chain]:
    chain, out = Chain.start(1, FREE), []
    for logit in logits:
        chain = chain.draw(logit, torch.tensor([prior]), FREE, HARD)
        out.append(chain)
    return out


def test_presence_is_the_product_of_all_samples_so_far() -> None:
    assert [float(chain.pres) for chain in chained(SURE, SURE, NEVER, SURE)] == [1, 1, 0, 0]


def test_after_the_first_absence_nothing_is_drawn_or_paid() -> None:
    first, second, third = chained(torch.tensor([1.0]), NEVER, torch.tensor([-1.0]), prior=0.3)
    assert first.pres.item() in (0.0, 1.0) and float(second.pres) == 0
    assert (float(third.kl), float(third.ratio), float(third.log_q)) == (
        float(second.kl),
        float(second.ratio),
        float(second.log_q),
    )


def test_a_chain_has_the_probability_of_its_count() -> None:
    """log q of two present and one absent is the sum of the three; K steps without absence need no fourth sample."""
    q = 0.8
    logit = torch.tensor([math.log(q / (1 - q))])
    counts: dict[int, set[float]] = {}
    torch.manual_seed(0)
    for _ in range(60):
        samples = chained(logit, logit, logit)
        number = int(sum(float(chain.pres) for chain in samples))
        counts.setdefault(number, set()).add(round(float(samples[-1].log_q), 5))
    wanted = {k: round(k * math.log(q) + (k < 3) * math.log(1 - q), 5) for k in range(4)}
    assert set(counts) >= {0, 1, 3}
    for number, seen in counts.items():
        assert len(seen) == 1 and seen.pop() == pytest.approx(wanted[number], abs=1e-4)


def test_without_room_no_sample_is_drawn() -> None:
    chain = Chain.start(1, FREE).draw(SURE, torch.zeros(1), torch.zeros(1), HARD)
    assert float(chain.pres) == 0 and float(chain.kl) == 0 and float(chain.log_q) == 0


def slots_at(*centers: tuple[float, float], ids: tuple[int, ...] = ()) -> Slots:
    empty = no_slots(1, torch.zeros(1), what=2)
    slots = blank(empty, len(centers))
    box = torch.tensor([[(x, y, 4.0, 4.0) for x, y in centers]])
    names = torch.tensor([ids or (-1,) * len(centers)])
    return slots.replace(box=box, alive=torch.ones_like(slots.alive), id=names)


def test_the_nearest_pairs_are_linked_first_and_far_ones_never() -> None:
    before = slots_at((10, 10), (20, 10), ids=(7, 8))
    assert linked(before, slots_at((19, 10), (12, 10), (50, 50)), gate=5.0).tolist() == [[8, 7, -1]]
    # 18 is nearer to 20 than to 10; what is left for 7 lies too far away.
    assert linked(before, slots_at((18, 10), (23, 10)), gate=5.0).tolist() == [[8, -1]]
    assert linked(before, slots_at((14, 10), (16, 10)), gate=5.0).tolist() == [[7, 8]]


def test_the_dead_are_not_linked() -> None:
    before = slots_at((10, 10), ids=(3,))
    dead = before.replace(alive=torch.zeros_like(before.alive))
    assert linked(dead, slots_at((10, 10)), gate=5.0).tolist() == [[-1]]
    assert linked(before.map(lambda t: t[:, :0]), slots_at((10, 10)), gate=5.0).tolist() == [[-1]]


def test_codes_and_places_are_each_others_inverse() -> None:
    config = ObjectsConfig(side=64, size=18.0)
    center = torch.tensor([[1.0, 2.0], [32.0, 60.0], [63.0, 10.0]])
    box = box_of(torch.cat([torch.zeros(3, 2), code_of(center, config)], dim=-1), config)
    torch.testing.assert_close(box, torch.cat([center, torch.full((3, 2), 18.0)], dim=-1))


def test_the_strongest_are_selected() -> None:
    pres = torch.tensor([[0.1, 0.9, 0.5], [0.7, 0.2, 0.6]])
    assert selected(pres, 2).tolist() == [[0, 1, 1], [1, 0, 1]]
    assert selected(pres, 5).tolist() == [[1, 1, 1], [1, 1, 1]]
