"""Clips of balls: pure functions of their numbers, and truth that is what is drawn."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from scalor.data.balls import PRESETS, Balls, BallsConfig, balls
from scalor.data.clip import Truth
from scalor.data.motchallenge import read_mot, write_clip
from scalor.errors import UserError


def truth_of(config: BallsConfig, index: int, frames: int = 30, seed: int = 1) -> Truth:
    truth = Balls(config, seed=seed).clip(index, frames=frames).truth
    assert truth is not None
    return truth


@pytest.mark.parametrize("name", PRESETS)
def test_a_clip_depends_on_seed_and_index_alone_and_begins_as_shorter_ones(name: str) -> None:
    data = Balls(balls(name), seed=5)
    expected = data.clip(3, frames=12)
    data.clip(0, frames=2)
    again = pickle.loads(pickle.dumps(data)).clip(3, frames=12)
    assert torch.equal(expected.video, again.video) and torch.equal(expected.truth.center, again.truth.center)
    assert torch.equal(data.clip(3, frames=5).video, expected.video[:5])
    assert not torch.equal(expected.video, data.clip(4, frames=12).video)
    assert not torch.equal(expected.video, Balls(balls(name), seed=6).clip(3, frames=12).video)


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_keeps_its_count_speed_and_walls(name: str) -> None:
    config, counts = balls(name), set()
    for index in range(12):
        truth = truth_of(config, index)
        counts.add(len(truth.size))
        assert truth.size.tolist() == pytest.approx([2 * config.radius] * len(truth.size))
        inside = (truth.center > config.radius - 1e-3) & (truth.center < config.size - config.radius + 1e-3)
        assert inside.all() and (truth.id >= 0).all()
        step = (truth.center[1:] - truth.center[:-1]).square().sum(-1)
        # Frames with a contact in between show less than the speed.
        assert step.mean(-1).max().sqrt() == pytest.approx(config.speed, abs=0.02)
    assert min(counts) >= config.count[0] and max(counts) <= config.count[1]
    assert len(counts) > 2 or config.count[0] == config.count[1]


@pytest.mark.parametrize("name", [name for name, config in PRESETS.items() if config.collide])
def test_balls_that_collide_never_hide_each_other(name: str) -> None:
    for index in range(4):
        truth = truth_of(balls(name), index, frames=60)
        one, other = np.triu_indices(len(truth.size), 1)
        apart = (truth.center[:, one] - truth.center[:, other]).norm(dim=-1)
        assert apart.min() > 2 * balls(name).radius - 1e-3
        assert truth.visibility.min() > 0.97


def test_balls_that_pass_keep_their_way_and_the_front_one_hides_the_other() -> None:
    met, config = 0, balls("pass")
    for index in range(6):
        truth = truth_of(config, index, frames=60)
        pace = (truth.center[1:] - truth.center[:-1]).norm(dim=-1)
        assert pace.max() < config.speed + 1e-3 and pace.median() == pytest.approx(config.speed, abs=1e-3)
        met += int((truth.visibility < 0.6).sum())
        assert (truth.visibility[:, -1] > 0.97).all(), "the last one is in front"
    assert met > 5


@pytest.mark.parametrize("radius", [4.0, 7.68, 8.0])
@pytest.mark.parametrize("edge", [1.0, 1.5, 5.0])
def test_the_true_box_is_what_is_drawn(radius: float, edge: float) -> None:
    config = BallsConfig(count=(1, 1), radius=radius, edge=edge)
    for index in range(5):
        truth = truth_of(config, index, frames=4)
        for frame in range(4):
            rows, columns = (truth.owner[frame] == 0).nonzero(as_tuple=True)
            left, top, width, height = truth.box_tlwh[frame, 0].tolist()
            # A pixel belongs to the ball where its centre does: half a pixel may be missing, and none is too many.
            gaps = (
                columns.min() - left,
                rows.min() - top,
                left + width - columns.max() - 1,
                top + height - rows.max() - 1,
            )
            assert all(-0.51 <= float(gap) <= 0.51 + radius / 40 for gap in gaps)
            assert len(rows) == pytest.approx(np.pi * radius**2, rel=0.06)
            middle = torch.stack([columns, rows]).double().mean(1) + 0.5
            assert middle.tolist() == pytest.approx(truth.center[frame, 0].tolist(), abs=0.2)


def test_edges_of_billiard_balls_are_soft_and_their_colours_are_all_different() -> None:
    for index in range(4):
        clip = Balls(balls("billiards")).clip(index, frames=1)
        picture = clip.video[0].permute(1, 2, 0).reshape(-1, 3)
        full = picture[picture.max(1).values == 255].unique(dim=0)
        assert sorted(full.tolist()) == [[0, 0, 255], [0, 255, 0], [255, 0, 0]]
        faded = ((picture.max(1).values > 10) & (picture.max(1).values < 245)).sum()
        assert faded > 3 * 100
    crisp = Balls(replace(balls("billiards"), edge=1.0)).clip(0, frames=1).video[0].max(0).values
    assert ((crisp > 10) & (crisp < 245)).sum() < 3 * 60


def test_clips_are_written_and_read_back_with_their_boxes(tmp_path) -> None:
    clip = Balls(balls("bounce")).clip(0, frames=3)
    table = read_mot(write_clip(clip, tmp_path / "clip"))
    np.testing.assert_allclose(table.box_tlwh, clip.truth.tracks(0.25).box_tlwh, atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": (4, 3)}, "least <= most"),
        ({"colors": ()}, "at least one"),
        ({"radius": 40.0}, "cannot hold"),
        ({"count": (9, 9)}, "cannot hold 9 balls"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        BallsConfig(**wrong)


def test_a_crowd_that_leaves_no_free_place_is_refused_and_unknown_names_too() -> None:
    with pytest.raises(UserError, match="no free place was found for 29 balls"):
        Balls(BallsConfig(count=(29, 29), radius=3.6)).clip(0, frames=1)
    with pytest.raises(UserError, match="known are bounce, pass, many, billiards"):
        balls("bouncy")
    with pytest.raises(IndexError):
        Balls(balls("bounce"), length=2)[2]


def test_no_ball_at_all_is_an_empty_scene() -> None:
    clip = Balls(BallsConfig(count=(0, 0))).clip(0, frames=2)
    assert not clip.video.any() and clip.truth.id.shape == (2, 0)
