"""Repeated frames take no time: a film that shows every picture twice has its own report twice."""

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from scalor.data.repeats import Repeats
from scalor.data.video import open_video
from scalor.outputs.track_folder import track_to_folder
from scalor.pretrained import Loaded
from scalor.tracking.passes import first_pass, second_pass
from scalor.tracking.report import FrameResult
from scalor.tracking.run import track
from scalor.tracking.second_pass import revise
from scalor.tracking.table import shelf
from scalor.tracking.tracker import Tracker

from .rows_of import COLORS, others, path, table

COUNT = 14
PATTERNS = {
    "doubled": [t for t in range(COUNT) for _ in range(2)],
    "24 to 30": [t for t in range(COUNT) for _ in range(1 + (t % 4 == 3))],
    "frozen": [t for t in range(COUNT) for _ in range(1 + 40 * (t == 6))],
    "filled": [0, 0, *range(1, 9), 8, 8, *range(9, COUNT)],
}
orders = pytest.mark.parametrize("order", PATTERNS.values(), ids=PATTERNS)
Filmed = tuple[np.ndarray, Callable[..., Tracker]]


@pytest.fixture
def filmed(make_model, make_frames) -> Filmed:
    """Frames, and the maker of trackers of them."""
    model, card = make_model(), {"footage": [{"name": "a film", "scale": 1.0}]}
    return make_frames(COUNT, 48, 64) // 2 + 60, lambda **how: Tracker(
        Loaded(model, card, {}), min_visibility=0.0, **how
    )


def rows(result: FrameResult) -> list[tuple[float, ...]]:
    return [row[1:] for row in result.rows()]


@orders
@pytest.mark.parametrize("confirm", [1, 3])
def test_what_is_shown_again_is_reported_again_and_takes_no_time(order, confirm, filmed):
    frames, tracker = filmed
    own, shown = tracker(confirm=confirm), tracker(confirm=confirm)
    alone = [own.observe(frame) for frame in frames]
    again = [shown.observe(frames[t]) for t in order]
    assert sum(map(len, alone)) > 10
    assert [rows(result) for result in again] == [rows(alone[t]) for t in order]
    assert [result.index for result in again] == list(range(len(order))) and all(result.decoded for result in again)
    assert [result.repeated for result in again] == [t == last for t, last in zip(order, [-1, *order], strict=False)]
    assert shown.ages == own.ages and shown.repeated == len(order) - COUNT
    assert [rows(each) for each in shown.predict(3)] == [rows(each) for each in own.predict(3)]
    assert all(np.array_equal(a.masks.dense(), alone[t].masks.dense()) for a, t in zip(again, order, strict=True))


@orders
def test_two_passes_over_repeated_frames_find_what_they_find_in_the_film_without(order, filmed, write_clip):
    frames, tracker = filmed

    def found(film: np.ndarray, name: str) -> tuple[list[FrameResult], list[tuple[int, ...]]]:
        source = open_video(write_clip(film, name=name))
        with shelf((48, 64)) as kept:
            revised = first_pass(source, tracker(confirm=2), kept, progress=False)
            return [each for _, each in second_pass(source, revised, kept, pictures=False)], revised.joints

    (alone, joints), (again, later) = found(frames, "own"), found(frames[order], "again")
    assert sum(map(len, alone)) > 10
    assert [rows(result) for result in again] == [rows(alone[t]) for t in order]
    assert all(np.array_equal(a.masks.dense(), alone[t].masks.dense()) for a, t in zip(again, order, strict=True))
    assert [result.index for result in again] == list(range(len(order)))
    assert [(order[each.before], order[each.frame], each.id) for each in later] == [
        (each.before, each.frame, each.id) for each in joints
    ]


def test_joints_are_named_by_the_frames_of_the_video():
    """A gap from frame 31 to 40 of those that differ, every one of which is shown twice."""
    lost = {1: np.concatenate([path((20, 20), (2, 1), range(31))]), 2: path((20, 20), (2, 1), range(41, 80))}
    own = table({**lost, **others()}, {1: 8.0, 2: 8.0, **COLORS})
    (one,), (two,) = (revise(each).joints for each in (own, replace(own, shows=np.arange(160) // 2)))
    assert (one.before, one.frame) == (30, 41) and (two.before, two.frame) == (61, 82)


def test_frames_of_made_clips_are_all_their_own(make_model, make_frames):
    frame = make_frames(1, 48, 64)[0]
    tracker = Tracker(make_model())
    assert not any(tracker.observe(frame).repeated for _ in range(4))


def test_after_a_blank_frame_every_picture_is_new(filmed):
    frames, tracker = filmed
    shown = tracker()
    seen = [shown.observe(frame) for frame in (*frames[:3], None, frames[2], frames[2])]
    assert [each.repeated for each in seen] == [False] * 5 + [True]


def scene(at: float, *, noise: float, seed: int = 0) -> np.ndarray:
    """A bright thing at a place before a grey scene, with noise."""
    rng = np.random.default_rng(seed)
    x = np.clip(1 - np.abs(np.arange(64) - at) / 6, 0, 1) * 120
    return np.clip(100 + x[None, :, None] + rng.normal(0, noise, (48, 64, 3)), 0, 255).astype(np.uint8)


def test_a_picture_that_coding_touched_is_repeated_and_one_with_other_noise_in_a_quiet_scene_is_not():
    moving = Repeats()
    assert [moving.again(scene(10 + 3 * (t // 2), noise=1.0, seed=t)) for t in range(12)] == [False] * 3 + [
        True,
        *[False, True] * 4,
    ]
    quiet = Repeats()
    assert not any(quiet.again(scene(10, noise=3.0, seed=t)) for t in range(30))


def test_what_creeps_adds_up():
    shown = Repeats()
    found = [shown.again(scene(at, noise=0.0)) for at in (10, 20, *(20 + 0.05 * np.arange(1, 101)))]
    assert all(found[2:5]) and not all(found[2:12])


def test_a_film_of_one_picture_shows_what_it_shows(write_clip, tmp_path):
    """Nothing that a film of one frame, shown once or thrice, could be confirmed by; of the place that weights know."""
    still = open_video(files("scalor.data") / "assets" / "traffic.mp4").read([120])[0].image
    one, thrice = (write_clip(np.repeat(still[None], count, 0), name=str(count)) for count in (1, 3))
    tables = [track(one, "traffic"), track(one, "traffic", online=True), track(thrice, "traffic")]
    assert len(tables[0].id) > 3
    assert track_to_folder(thrice, "traffic", tmp_path / "tracks", pictures=False)["repeats"] == [1, 2]
    assert [len(each.id) for each in tables[1:]] == [len(tables[0].id), 3 * len(tables[0].id)]


def test_after_a_flash_what_creeps_is_not_taken_for_repeated() -> None:
    rng, repeats = np.random.default_rng(0), Repeats()
    for t in range(30):
        picture = 90 + rng.normal(0, 1.0, (48, 64, 3))
        picture[20:26, 10 + t : 16 + t] += 12
        if t == 15:
            picture += 100
        assert not repeats.again(picture.round().clip(0, 255).astype(np.uint8))
