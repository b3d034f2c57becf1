"""Evidence is the likelihood with an object minus without it: checked against compositing the scene twice."""

import pytest
import torch
from torch import Tensor

from scalor.core.canvas import composite
from scalor.core.evidence import evidence
from scalor.core.types import Layers

SIDE, SIGMA = 24, 0.2


def squares(places: list[tuple[int, int, int]], colors: list[list[float]], near: list[float]) -> Layers:
    """Solid 6 x 6 squares in 8 x 8 patches; places are (batch, top, left)."""
    patch = torch.zeros(len(places), 4, 8, 8)
    patch[:, 3, 1:7, 1:7] = 0.95
    patch[:, :3] = torch.tensor(colors)[:, :, None, None] * patch[:, 3:]
    return Layers(
        batch=torch.tensor([place[0] for place in places]),
        slot=torch.arange(len(places)),
        patch=patch,
        corner=torch.tensor([place[1:] for place in places]),
        pres=torch.ones(len(places)),
        near=torch.tensor(near),
    )


def picture(layers: Layers, backdrop: Tensor, convex: bool) -> Tensor:
    batch, _, height, width = backdrop.shape
    color, alpha, _ = composite(layers, batch=batch, height=height, width=width, convex=convex)
    return color + (1 - alpha) * backdrop


def by_hand(layers: Layers, frame: Tensor, backdrop: Tensor, convex: bool) -> Tensor:
    """Two whole pictures per object."""
    found = []
    for number in range(len(layers.pres)):
        nats = []
        for pres in (1.0, 0.0):
            changed = layers.pres.clone()
            changed[number] = pres
            image = picture(layers.replace(pres=changed), backdrop, convex)
            nats.append(-((image - frame) ** 2).sum() / (2 * SIGMA**2))
        found.append(nats[0] - nats[1])
    return torch.stack(found)


@pytest.mark.parametrize("convex", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_evidence_equals_two_compositions(convex: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    count = 9
    places = [tuple(row) for row in torch.randint(-5, SIDE, (count, 3), generator=generator).tolist()]
    places = [(abs(place[0]) % 2, place[1], place[2]) for place in places]
    layers = squares(places, torch.rand(count, 3, generator=generator).tolist(), [1.0] * count)
    layers = layers.replace(
        patch=layers.patch * torch.rand(count, 1, 8, 8, generator=generator),
        near=torch.exp(3 * torch.randn(count, generator=generator)),
        pres=(torch.rand(count, generator=generator) > 0.3).float(),
    )
    frame, backdrop = (torch.rand(2, 3, SIDE, SIDE, generator=generator) for _ in range(2))
    found = evidence(layers, frame, backdrop, sigma=SIGMA, convex=convex)
    torch.testing.assert_close(found.nats, by_hand(layers, frame, backdrop, convex), rtol=1e-3, atol=2e-2)
    assert ((found.hidden >= 0) & (found.hidden <= 1)).all()


def test_a_true_object_earns_a_ghost_loses_a_double_and_a_hidden_one_are_worth_nothing() -> None:
    black = torch.zeros(1, 3, SIDE, SIDE)
    red, blue = [0.9, 0.1, 0.1], [0.1, 0.1, 0.9]
    true = squares([(0, 8, 8)], [red], [1.0])
    frame = picture(true, black, True)
    assert float(evidence(true, frame, black, sigma=SIGMA, convex=True).nats) > 100
    ghost = squares([(0, 8, 8), (0, 0, 0)], [red, red], [1.0, 1.0])
    assert float(evidence(ghost, frame, black, sigma=SIGMA, convex=True).nats[1]) < -100
    double = squares([(0, 8, 8), (0, 8, 8)], [red, red], [1.0, 1.0])
    assert evidence(double, frame, black, sigma=SIGMA, convex=True).nats.abs().max() < 1
    behind = squares([(0, 8, 8), (0, 8, 8)], [red, blue], [1.0, 1e-7])
    nats = evidence(behind, frame, black, sigma=SIGMA, convex=True).nats
    assert float(nats[0]) > 100 and abs(float(nats[1])) < 0.1


def test_what_stands_on_visible_background_is_not_hidden() -> None:
    black = torch.zeros(1, 3, SIDE, SIDE)
    absent = squares([(0, 8, 8), (0, 0, 0)], [[0.9, 0.1, 0.1], [0.1, 0.9, 0.1]], [1.0, 1.0])
    frame = black.clone()
    frame[:, :, 6:18, 6:18] = 0.7  # something else covers the place of the first one
    hidden = evidence(absent.replace(pres=torch.zeros(2)), frame, black, sigma=SIGMA, convex=True).hidden
    assert float(hidden[0]) > 0.95 and float(hidden[1]) < 0.05


def test_no_objects_explain_nothing() -> None:
    black = torch.zeros(2, 3, SIDE, SIDE)
    none = squares([(0, 8, 8)], [[1.0, 0.0, 0.0]], [1.0]).map(lambda tensor: tensor[:0])
    assert evidence(none, black, black, sigma=SIGMA, convex=True).nats.shape == (0,)
