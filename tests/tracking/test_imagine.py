"""Imagined futures: the same for the same seed, different from one another, and never shown what really happens."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from scalor.errors import UserError
from scalor.tracking.imagine import Futures, imagine, sample_futures
from scalor.tracking.run import track
from scalor.tracking.tracker import Tracker

from .test_tracker_scenes import patterned


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


def test_a_future_does_not_depend_on_how_many_are_asked_for(make_model, make_frames):
    model, frames = make_model(), make_frames(3, 40, 48)
    many, few = (imagine(frames, model, observe=3, steps=4, samples=count, births=0.05) for count in (4, 1))
    assert boxes(many)[:1] == boxes(few)
    pairs = zip(many.samples[0], few.samples[0], strict=True)
    assert all((one.pictures.reconstruction == other.pictures.reconstruction).all() for one, other in pairs)


def names_in(results) -> set[int]:
    return {name for result in results for name in result.ids.tolist()}


@pytest.mark.parametrize(("observe", "confirm"), [(1, 3), (2, 3), (5, 3), (5, 1)])
def test_futures_hold_what_was_reported_by_one_rule(make_model, make_frames, observe, confirm):
    frames = [None, *make_frames(7, 40, 48)]  # the first cannot be decoded
    tracker = Tracker(make_model(), confirm=confirm, min_visibility=0.3)
    futures = imagine(frames, tracker, observe=observe + 1, steps=5, samples=4)
    shown, imagined = names_in(futures.observed), names_in(result for sample in futures.samples for result in sample)
    assert imagined and imagined <= set(futures.known) == shown & tracker.ages.keys()
    assert len(futures.observed[1]) > 0, "from their first frame on"
    assert all(tracker.ages[name] >= min(observe, confirm) for name in futures.known)
    assert min(seen for sample in futures.samples for result in sample for seen in result.visibility) >= 0.3
    assert min(seen for result in futures.observed for seen in result.visibility) >= 0.3


def test_nothing_that_comes_later_is_in_the_empty_scene(make_model, make_frames, write_clip, write_run):
    weights, frames = write_run(make_model(background="median"), scale=1.0), make_frames(20, 40, 48)
    other = frames.copy()
    other[5:] = 255 - frames[5:]
    clips = [write_clip(each, name=name) for each, name in ((frames, "one"), (other, "other"))]
    one, same = (imagine(clip, weights, start=2, observe=3, steps=4, samples=2, device="cpu") for clip in clips)
    assert boxes(one) == boxes(same) and len(one.known) > 0
    seen = one.samples[0][0].pictures.background
    assert (seen == same.samples[0][0].pictures.background).all()
    assert not np.array_equal(one.truth[0], same.truth[0])


def test_futures_are_seen_as_the_shaken_camera_showed_the_last_frame(make_model):
    wide = patterned(0, 64, 80)
    frames = [wide[8:56, 8:72].copy() for _ in range(3)]
    frames.append(wide[6:54, 11:75].copy())  # the camera is 3 px further right and 2 px higher
    for frame in frames:
        frame[20:32, 20:32] = 255
    tracker = Tracker(make_model(background="median", seed=2), backdrop=wide[8:56, 8:72], min_visibility=0.0)
    for frame in frames:
        tracker.observe(frame)
    assert tracker.shift == pytest.approx((-3, 2), abs=0.3)
    shaken = [*tracker.predict(2, pictures=True), *sample_futures(tracker, steps=1, samples=1, seed=5)[0]]
    shift, tracker.shift = tracker.shift, (0.0, 0.0)
    still = [*tracker.predict(2, pictures=True), *sample_futures(tracker, steps=1, samples=1, seed=5)[0]]
    empty = wide[6:54, 11:75][6:-6, 6:-6].astype(int)
    for moved, result in zip(shaken, still, strict=True):
        assert len(moved) > 0 and moved.rows() == result.moved(*shift).rows() != result.rows()
        off, before = (np.abs(each.pictures.background[6:-6, 6:-6] - empty).mean() for each in (moved, result))
        assert off < 3.0 < before


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


def test_threads_that_imagine_at_once_do_not_draw_from_each_other(make_model, make_frames):
    model, frames = make_model(), make_frames(3, 40, 48)

    def future(seed: int) -> list[list[list]]:
        return boxes(imagine(frames, model, observe=3, steps=6, samples=4, seed=seed, births=0.05))

    alone = [future(seed) for seed in range(2)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(future, [0, 1] * 4)) == alone * 4


@pytest.mark.parametrize("kind", [np.stack, lambda frames: torch.from_numpy(np.stack(frames)), tuple])
def test_frames_come_as_any_array_or_sequence(make_model, make_frames, kind):
    model, frames = make_model(), make_frames(6, 40, 48)
    found = [boxes(imagine(each, model, observe=3, steps=2, samples=1)) for each in (frames, kind(frames))]
    assert found[0] == found[1]


def test_what_is_no_video_is_refused_in_words(make_model, make_frames):
    model, frames = make_model(), make_frames(3, 40, 48)
    for wrong, said in ((frames[0], "one picture"), (iter(frames), "iterator"), (None, "a NoneType")):
        with pytest.raises(UserError, match=f"{said} came as the video; a file"):
            imagine(wrong, model, observe=1, steps=1)
    with pytest.raises(UserError, match="a list came as the video; a file"):
        track(list(frames), model)
    assert len(imagine(frames[..., 0], model, observe=1, steps=1).truth) == 1, "grey frames are a video"
