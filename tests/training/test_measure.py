"""Measurements of a rollout agree with counting by hand."""

import dataclasses

import pytest
import torch

from scalor.core.tracks import Tracks
from scalor.core.types import Knobs
from scalor.metrics import counting
from scalor.models.scalor import Scalor
from scalor.rollout import Rollout, observe
from scalor.training.measure import measure
from scalor.training.preset import Preset


@pytest.fixture
def rollout(tiny: Preset) -> tuple[Rollout, torch.Tensor]:
    torch.manual_seed(0)
    video = torch.rand(2, 3, 3, 32, 32)
    with torch.no_grad():
        return observe(Scalor(tiny.model), video, Knobs()), video


def edited(rollout: Rollout, **changes: torch.Tensor) -> Rollout:
    return dataclasses.replace(rollout, steps=tuple(step.replace(**changes) for step in rollout.steps))


def test_objects_and_propagation_are_counted_over_clips_and_frames(
    tiny: Preset, rollout: tuple[Rollout, torch.Tensor]
) -> None:
    found, video = rollout
    assert all(step.slots.count for step in found.steps)
    numbers = measure(found, video, tiny.model)
    alive = [int(step.slots.alive.sum()) for step in found.steps]
    born = [int(step.born.sum()) for step in found.steps]
    assert numbers["objects"] == pytest.approx(sum(alive) / 6)
    assert numbers["born"] == pytest.approx(sum(born[1:]) / 4)
    assert numbers["propagation_rate"] == pytest.approx((sum(alive[1:]) - sum(born[1:])) / sum(alive[:-1]))
    assert numbers["mse"] == pytest.approx(float(((found.image - video) ** 2).mean()))


def test_masks_are_judged_by_the_pixels_that_are_painted(tiny: Preset, rollout: tuple[Rollout, torch.Tensor]) -> None:
    found, video = rollout
    alpha = torch.zeros(2, 1, 32, 32)
    alpha[:, :, :16] = 1.0
    alpha[:, :, :4] = 0.5
    numbers = measure(edited(found, alpha=alpha), video, tiny.model)
    assert numbers["cover"] == pytest.approx(12 / 32) and numbers["half"] == pytest.approx(4 / 16)


def test_equal_boxes_are_doubles_and_distant_ones_are_not(tiny: Preset, rollout: tuple[Rollout, torch.Tensor]) -> None:
    found, video = rollout
    count = [step.slots.alive.sum(1) for step in found.steps]

    def doubles(spread: float) -> float:
        steps = []
        for step in found.steps:
            corner = spread * torch.arange(step.slots.count).view(1, -1, 1).expand(2, -1, 4)
            steps.append(step.replace(tight=corner + torch.tensor([0.0, 0.0, 5.0, 5.0])))
        return measure(dataclasses.replace(found, steps=tuple(steps)), video, tiny.model)["doubles"]

    pairs = sum(float((n * (n - 1) / 2).sum()) for n in count)
    assert doubles(0.0) == pytest.approx(pairs / sum(float(n.sum()) for n in count))
    assert doubles(10.0) == 0.0


def test_an_empty_scene_is_measured_without_shares_of_nothing(tiny: Preset) -> None:
    model = Scalor(dataclasses.replace(tiny.model, discover=dataclasses.replace(tiny.model.discover, keep=2.0)))
    video = torch.zeros(1, 2, 3, 32, 32)
    with torch.no_grad():
        numbers = measure(observe(model, video, Knobs()), video, tiny.model)
    assert numbers["objects"] == 0 and "propagation_rate" not in numbers and "doubles" not in numbers


@pytest.mark.parametrize(
    ("names", "rate"),
    [
        ([[0, 1], [0], [0]], 2 / 3),  # one of two ends at once
        ([[0, 1, 2], [], []], 0.0),  # all do, and nothing is new
        ([[0, 1], [2, 3], [4, 5]], 0.0),  # all are found anew
        ([[0], [0, 1], [0, 1, 2]], 1.0),  # newcomers end nobody
        ([[], [], [0, 1]], None),  # nobody could be carried
    ],
)
def test_objects_that_end_are_not_carried_nor_are_those_found_anew(
    tiny: Preset, rollout: tuple[Rollout, torch.Tensor], names: list[list[int]], rate: float | None
) -> None:
    """As in the scores of tracks."""
    found, video = rollout
    wanted = None if rate is None else pytest.approx(rate)
    rows = [(time, name, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0) for time, there in enumerate(names) for name in there]
    assert counting([Tracks.from_rows(rows, length=3)]).as_dict()["propagation_rate"] == wanted
    steps = []
    for time, step in enumerate(found.steps):
        alive, before = torch.zeros(2, 6).bool(), names[time - 1] if time else []
        alive[:, names[time]] = True
        born = alive.clone()
        born[:, before] = False
        slots = step.slots.map(lambda part: part[:, :1].expand(-1, 6, *part.shape[2:])).replace(alive=alive)
        steps.append(step.replace(slots=slots, born=born, tight=step.tight[:, :1].expand(-1, 6, -1)))
    assert measure(dataclasses.replace(found, steps=tuple(steps)), video, tiny.model).get("propagation_rate") == wanted
