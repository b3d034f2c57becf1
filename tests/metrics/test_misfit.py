"""A hint where tracks are read in another way than they were written, none where they are merely imperfect."""

from dataclasses import replace

import numpy as np
import pytest

from scalor.cli.main import main
from scalor.core.tracks import Tracks
from scalor.data.motchallenge import write_mot
from scalor.metrics.misfit import misfit

LENGTH, OBJECTS = 60, 6


def walks(seed: int, *, speed: float = 2.0, side: float = 24.0) -> Tracks:
    """Objects that turn as they go."""
    rng = np.random.default_rng(seed)
    rows = []
    for each in range(OBJECTS):
        turn = rng.uniform(0, 2 * np.pi) + 0.15 * rng.normal(size=LENGTH).cumsum()
        at = [400, 250] + rng.uniform(-200, 200, 2) + speed * np.stack([np.cos(turn), np.sin(turn)], 1).cumsum(0)
        rows += [(frame, each + 1, *at[frame], side, 1.5 * side, 1.0, 1.0) for frame in range(LENGTH)]
    return Tracks.from_rows(rows, length=LENGTH)


def tracked(truth: Tracks, seed: int, *, noise: float = 1.5) -> Tracks:
    """The truth with jitter, boxes too large, gaps and false boxes."""
    rng = np.random.default_rng(seed)
    boxes = truth.box_tlwh + rng.normal(0, noise, truth.box_tlwh.shape) + [-1, -1, 2, 3]
    boxes[rng.random(len(truth)) < 0.05, :2] += 300
    return replace(truth, box_tlwh=boxes).select(rng.random(len(truth)) < 0.9)


def shifted(tracks: Tracks, frames: int) -> Tracks:
    moved = replace(tracks, frame=tracks.frame + frames)
    return moved.select((moved.frame >= 0) & (moved.frame < LENGTH))


def boxed(tracks: Tracks, box: np.ndarray) -> Tracks:
    return replace(tracks, box_tlwh=box)


@pytest.mark.parametrize("gate", [{}, {"distance": 20.0}])
@pytest.mark.parametrize("seed", range(8))
def test_good_tracks_and_bad_ones_get_no_hint(seed, gate):
    truth = walks(seed, speed=(0.0, 0.5, 2.0, 8.0)[seed % 4], side=(8.0, 24.0, 80.0)[seed % 3])
    assert misfit(truth, truth, **gate) is None
    for noise in (0.0, 1.0, 4.0):
        assert misfit(truth, tracked(truth, seed, noise=noise), **gate) is None
    assert misfit(truth, walks(seed + 100), **gate) is None  # other objects altogether
    lag = boxed(truth, truth.box_tlwh - 0.4 * np.gradient(truth.box_tlwh, axis=0))
    assert misfit(truth, lag, **gate) is None


@pytest.mark.parametrize("gate", [{}, {"distance": 20.0}])
def test_tracks_of_pictures_of_which_some_are_missing_are_told_where_the_truth_counts_those(gate):
    truth = walks(3, speed=12.0)
    there = tracked(truth.select((truth.frame < 20) | (truth.frame >= 26)), 3)
    close = replace(there, frame=np.where(there.frame < 20, there.frame, there.frame - 6))
    hint = misfit(truth, close, missing={20: 6}, **gate)
    assert hint is not None and "if frames missing before them were counted" in hint
    assert misfit(truth, there, missing={20: 6}, **gate) is None
    assert misfit(truth, close, missing={}, **gate) is None


def test_what_is_missing_is_read_from_the_summary_of_the_tracks(tmp_path, capsys):
    truth = walks(3, speed=12.0)
    there = tracked(truth.select((truth.frame < 20) | (truth.frame >= 26)), 3)
    write_mot(truth, tmp_path / "gt.txt")
    write_mot(replace(there, frame=there.frame - 6 * (there.frame >= 26)), tmp_path / "tracks.txt")
    command = ["evaluate", "--truth", str(tmp_path / "gt.txt"), "--tracks", str(tmp_path / "tracks.txt")]
    for summary, told in (
        ('{"pauses": {"20": 6}}', True),
        ("[]", False),
        ('{"pauses": [6]}', False),
        ('{"pauses": {"20": 1e999}}', False),
    ):
        (tmp_path / "summary.json").write_text(summary)
        assert main(command) == 0
        assert ("if frames missing before them were counted" in capsys.readouterr().err) == told


@pytest.mark.parametrize(("frames", "said"), [(1, "one frame earlier"), (-1, "one frame later")])
@pytest.mark.parametrize(("speed", "side"), [(2.0, 24.0), (8.0, 24.0), (20.0, 24.0), (2.0, 10.0)])
def test_tracks_a_frame_off_are_told(frames, said, speed, side):
    truth = walks(3, speed=speed, side=side)
    hint = misfit(truth, shifted(tracked(truth, 3), frames))
    assert hint is not None and said in hint


READINGS = {
    "one pixel to the left": lambda box: box + [1, 1, 0, 0],
    "one pixel to the right": lambda box: box - [1, 1, 0, 0],
    "were centres": lambda box: np.column_stack([box[:, :2] + box[:, 2:] / 2, box[:, 2:]]),
    "half a box to the right": lambda box: np.column_stack([box[:, :2] - box[:, 2:] / 2, box[:, 2:]]),
    "x and y were swapped": lambda box: box[:, [1, 0, 3, 2]],
    "right and bottom": lambda box: np.column_stack([box[:, :2], box[:, :2] + box[:, 2:]]),
    "twice the size": lambda box: box / 2,
    "half the size": lambda box: box * 2,
}


@pytest.mark.parametrize("gate", [{}, {"distance": 12.0}])
@pytest.mark.parametrize("said", READINGS)
def test_boxes_that_are_written_in_another_way_are_told(said, gate):
    truth = walks(5, side=12.0)
    box = truth.box_tlwh + np.random.default_rng(0).normal(0, 0.4, truth.box_tlwh.shape)
    hint = misfit(truth, boxed(truth, READINGS[said](box)), **gate)
    assert hint is not None and said in hint


def test_few_boxes_or_none_say_nothing():
    truth = walks(1)
    nothing = truth.select(np.zeros(len(truth), dtype=bool))
    assert misfit(truth, nothing) is None and misfit(nothing, truth) is None
    few = truth.frame < 3
    assert misfit(truth.select(few), shifted(truth, 1).select(few[: len(shifted(truth, 1))])) is None


def test_the_command_says_it_and_scores_what_came(capsys, tmp_path):
    truth = walks(2, speed=8.0)
    paths = {name: tmp_path / f"{name}.txt" for name in ("truth", "same", "later")}
    for name, tracks in (("truth", truth), ("same", truth), ("later", shifted(truth, 1))):
        write_mot(tracks, paths[name])
    assert main(["evaluate", "--truth", str(paths["truth"]), "--tracks", str(paths["same"])]) == 0
    assert capsys.readouterr().err == ""
    assert main(["evaluate", "--truth", str(paths["truth"]), "--tracks", str(paths["later"])]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("scalor: the tracks would fit") and err.count("\n") == 1 and "mota    " in out
