"""Laws of what moves: a cover is no object of the scene, and a moment in which much moves is one moment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.data.backdrop import EmptyScene
from scalor.data.moving import CELL, FULL, motion_in
from scalor.data.steady import Steady

H, W = 64, 96


def scene(seed: int = 0, *, levels: tuple[int, int] = (90, 140)) -> EmptyScene:
    ground = np.random.default_rng(seed).integers(*levels, (H // 4, W // 4, 1)).repeat(4, 0).repeat(4, 1).repeat(3, 2)
    return EmptyScene(ground.astype(np.uint8), np.full((H, W), 2.0, np.float32))


def film(
    empty: EmptyScene, *, frames: int = 60, things: int = 1, cover: float = 0.0, when: range = range(0)
) -> np.ndarray:
    """Dark squares of 8 px that move; in the frames ``when`` a dark thing from the left covers a share of the view."""
    rng, out = np.random.default_rng(1), np.empty((frames, H, W, 3), np.uint8)
    for t in range(frames):
        picture = empty.image + rng.normal(0, 2, (H, W, 1))
        for k in range(things):
            x, y = (7 * k + 2 * t) % (W - 8), (13 * k) % (H - 8)
            picture[y : y + 8, x : x + 8] = 20
        if t in when:
            picture[:, : round(cover * W)] = 30
        out[t] = picture.clip(0, 255)
    return out


def test_a_head_before_the_camera_is_a_cover_in_its_frames_alone() -> None:
    empty = scene()
    frames = film(empty, cover=0.5, when=range(20, 25))
    motion = motion_in(frames, empty)
    assert motion.covered.nonzero()[0].tolist() == list(range(20, 25))
    assert [motion.cover.hides(frame, Steady(empty.image)) for frame in frames] == motion.covered.tolist()
    moving = motion.moving()
    assert moving[:, 0].max() == len(frames) - 6 and set(moving[:, 0]) == set(range(len(frames) - 5))


@settings(deadline=None, max_examples=20)
@given(things=st.integers(0, 60), often=st.integers(7, 60))
def test_what_is_often_there_is_no_cover(things: int, often: int) -> None:
    empty = scene()
    assert not motion_in(film(empty, things=things), empty).covered.any()
    assert not motion_in(film(empty, cover=0.5, when=range(often)), empty).covered.any()


@pytest.mark.parametrize("often", [0, 30])
def test_a_cut_to_another_place_is_found_however_much_moves_in_this_one(often: int) -> None:
    empty, other = scene(levels=(40, 230)), scene(5, levels=(40, 230))
    frames = film(empty, things=20, cover=0.35, when=range(30, 30 + often))
    frames[10:14] = np.roll(film(other, things=20)[10:14], (2, 2), (1, 2))  # blocks of both begin at other places
    frames[14:16] = np.random.default_rng(0).integers(0, 256, frames[14:16].shape)
    motion = motion_in(frames, empty)
    assert motion.covered.nonzero()[0].tolist() == list(range(10, 16))
    assert [motion.cover.hides(frame, Steady(empty.image)) for frame in frames] == motion.covered.tolist()


def test_on_a_ground_without_edges_nothing_tells_a_cut() -> None:
    empty = EmptyScene(np.full((H, W, 3), 120, np.uint8), np.full((H, W), 2.0, np.float32))
    assert not motion_in(film(empty, things=20), empty).covered.any()


def test_what_comes_once_and_covers_little_is_no_cover() -> None:
    empty = scene()
    assert not motion_in(film(empty, cover=0.2, when=range(30, 33)), empty).covered.any()


@pytest.mark.parametrize("when", [range(0), range(40, 46)])
def test_a_crowded_moment_has_at_most_a_few_times_the_usual_cells(when: range) -> None:
    empty = scene()
    motion = motion_in(film(empty, cover=0.22, when=when), empty)
    rows, counts = np.unique(motion.moving()[:, 0], return_counts=True)
    every = np.array([len(cells) for cells in motion.cells])
    assert counts.max() <= FULL * np.median(every)
    usual = np.array([row not in when for row in rows])
    assert (counts[usual] == every[rows][usual]).all()  # all of what is usual
    assert (motion.moving()[:, 1:] % CELL == CELL // 2).all()
