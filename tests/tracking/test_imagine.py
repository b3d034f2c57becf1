"""Imagined futures: the same for the same seed, different from one another, and never shown what really happens."""

import pytest
import torch

from scalor.errors import UserError
from scalor.tracking.imagine import Futures, imagine, sample_futures
from scalor.tracking.tracker import Tracker


def boxes(futures: Futures) -> list[list[list]]:
    return [[result.rows() for result in sample] for sample in futures.samples]


def test_futures_are_a_function_of_the_seed_and_differ_from_one_another(make_model, make_frames):
    model, frames = make_model(), make_frames(4, 40, 48)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one = imagine(frames, model, observe=3, steps=4, samples=3, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    again = imagine(frames, model, observe=3, steps=4, samples=3, seed=1)
    other = imagine(frames, model, observe=3, steps=4, samples=3, seed=2)
    assert boxes(one) == boxes(again) != boxes(other)
    assert boxes(one)[0] != boxes(one)[1]
    assert len(one.samples) == 3 and all(len(sample) == 4 for sample in one.samples)


def test_the_frames_to_come_are_never_looked_at(make_model, make_frames):
    model, frames = make_model(), make_frames(6, 40, 48)
    other = frames.copy()
    other[3:] = 255
    seen, unseen = (imagine(each, model, observe=3, steps=3, samples=2) for each in (frames, other))
    assert boxes(seen) == boxes(unseen)
    assert (unseen.truth[0] == 255).all() and len(unseen.truth) == 3


def test_imagining_starts_from_the_observed_objects_and_brings_no_others(make_model, make_frames):
    tracker = Tracker(make_model(), min_visibility=0.0)
    for frame in make_frames(3, 40, 48):
        tracker.observe(frame)
    world = tracker.world
    alive = set(world.slots.id[0, world.slots.alive[0]].tolist())
    futures = sample_futures(tracker, steps=3, samples=4)
    assert tracker.world is world
    found = {name for sample in futures for result in sample for name in result.ids.tolist()}
    assert found and found <= alive
    assert [result.index for result in futures[0]] == [3, 4, 5]
    crowded = sample_futures(tracker, steps=3, samples=4, births=0.5)
    newcomers = {name for sample in crowded for result in sample for name in result.ids.tolist()} - alive
    assert newcomers and min(newcomers) > max(alive)
    with pytest.raises(UserError, match="births is 2"):
        imagine(make_frames(3, 40, 48), tracker, births=2)


def test_the_start_may_lie_inside_and_the_future_beyond_the_end(make_model, make_frames):
    frames = make_frames(7, 40, 48)
    late = imagine(frames, make_model(), observe=3, steps=6, samples=1, start=2)
    cut = imagine(frames[2:], make_model(), observe=3, steps=6, samples=1)
    assert boxes(late) == boxes(cut) and late.start == 2 and len(late.truth) == 2


@pytest.mark.parametrize(
    "wrong", [{"observe": 0}, {"steps": 0}, {"samples": 0}, {"start": -1}, {"start": 3}, {"observe": 9}]
)
def test_numbers_that_make_no_sense_are_refused(wrong, make_model, make_frames):
    with pytest.raises(UserError, match="wanted"):
        imagine(make_frames(4, 40, 40), make_model(), **({"observe": 2, "steps": 2, "samples": 1} | wrong))
