import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from scalor.data.clip import Clip
from scalor.data.scenes import BACKDROPS, BRIGHTEST, backdrop
from scalor.data.shapes import SHAPES, distance, reach
from scalor.data.sprites import PRESETS, Sprites, SpritesConfig, _audition, _rehearse, sprites
from scalor.errors import UserError


def same(one: Clip, other: Clip) -> bool:
    assert one.truth is not None and other.truth is not None
    mine, yours = vars(one.truth), vars(other.truth)
    return torch.equal(one.video, other.video) and all(torch.equal(mine[key], yours[key]) for key in mine)


@pytest.mark.parametrize("name", PRESETS)
def test_a_clip_depends_on_seed_and_index_alone(name: str) -> None:
    data = Sprites(sprites(name), seed=5)
    expected = data[3]
    data[0], data[4]
    again = pickle.loads(pickle.dumps(Sprites(sprites(name), seed=5)))
    assert same(expected, again[3])
    assert not torch.equal(expected.video, data[4].video)
    assert not torch.equal(expected.video, Sprites(sprites(name), seed=6)[3].video)


@pytest.mark.parametrize("name", ["md", "bg", "frequent"])
def test_a_shorter_clip_is_the_beginning_of_a_longer_one(name: str) -> None:
    data = Sprites(sprites(name), seed=2)
    for index in range(4):
        long, short = data.clip(index, frames=12), data.clip(index, frames=3)
        assert long.truth is not None and short.truth is not None
        assert torch.equal(long.video[:3], short.video)
        assert torch.equal(long.truth.id[:3], short.truth.id)
        assert torch.equal(long.truth.visibility[:3], short.truth.visibility)


@pytest.mark.parametrize("name", ["vld", "ld", "md", "hd", "vhd"])
def test_densities_hold_their_counts_sizes_and_canvas(name: str) -> None:
    config = sprites(name)
    counts = set()
    for index in range(12):
        truth = Sprites(config, seed=1)[index].truth
        assert truth is not None
        counts.add(len(truth.size))
        assert ((truth.size / config.object_size - 1).abs() <= config.size_spread + 1e-5).all()
        edge = (config.canvas - config.size) / 2
        assert (truth.center >= -edge).all() and (truth.center <= config.size + edge).all()
    assert min(counts) >= config.count[0] and max(counts) <= config.count[1] and len(counts) > 1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lone_object_fills_its_box_and_no_more(shape: str) -> None:
    config = SpritesConfig(canvas=64, count=(1, 1), object_size=16, shapes=(shape,))
    for index in range(20):
        truth = Sprites(config, seed=0).clip(index, frames=3).truth
        assert truth is not None and (truth.visibility == 1).all() and (truth.id == 0).all()
        for frame in range(3):
            rows, columns = (truth.owner[frame] == 0).nonzero(as_tuple=True)
            left, top, width, height = truth.box_tlwh[frame, 0].tolist()
            near = np.array([columns.min() - left, rows.min() - top])
            far = np.array([left + width - columns.max() - 1, top + height - rows.max() - 1])
            # A pixel is in the mask where half of it is covered; a corner of a square may miss that by a pixel or so.
            assert (near >= -0.6).all() and (far >= -0.6).all()
            assert (near <= 1.6).all() and (far <= 1.6).all()
            assert truth.size[0] == pytest.approx(max(width, height), abs=1e-3)
            assert truth.center[frame, 0].tolist() == pytest.approx([left + width / 2, top + height / 2], abs=1e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_reach_equals_the_extent_of_densely_sampled_points(shape: str) -> None:
    axis = np.linspace(-2.5, 2.5, 1001)
    x, y = np.meshgrid(axis, axis)
    inside = distance(shape, x, y) <= 0
    for angle in np.random.default_rng(0).uniform(0, 2 * np.pi, 5):
        cos, sin = np.cos(angle), np.sin(angle)
        turned = np.stack([cos * x[inside] - sin * y[inside], sin * x[inside] + cos * y[inside]], -1)
        near, far = reach(shape, np.array([angle]))
        np.testing.assert_allclose(near[0], turned.min(0), atol=0.012)
        np.testing.assert_allclose(far[0], turned.max(0), atol=0.012)


@pytest.mark.parametrize("shape", SHAPES)
def test_edges_are_as_soft_as_the_covered_share_of_their_pixels(shape: str) -> None:
    """Each mask against 20 x 20 samples per pixel of the shape it was drawn from."""
    config = SpritesConfig(canvas=64, count=(6, 6), object_size=12, shapes=(shape,))
    actors = _audition(config, np.random.default_rng(0))
    cast = _rehearse(config, actors, 1)
    side, fine = cast.alpha.shape[-1], 20
    place = (np.arange(side * fine) + 0.5) / fine
    for n in range(6):
        offset = cast.corner[0, n] - cast.center[0, n] + actors.middle[n]
        x, y = np.meshgrid(place + offset[0], place + offset[1])
        cos, sin = np.cos(actors.angle[n]) / actors.scale[n], np.sin(actors.angle[n]) / actors.scale[n]
        inside = distance(shape, cos * x + sin * y, cos * y - sin * x) <= 0
        share = inside.reshape(side, fine, side, fine).mean((1, 3))
        # The distance to a straight edge tells the share only to about a tenth where edges are slanted or bent.
        assert np.abs(cast.alpha[0, n] - share).mean() < 0.01
        assert np.abs(cast.alpha[0, n] - share).max() < 0.3
        assert cast.alpha[0, n].sum() == pytest.approx(share.sum(), rel=0.02)


def test_new_objects_come_into_being_only_at_their_births() -> None:
    config = replace(sprites("frequent"), canvas=64)
    truth = Sprites(config, seed=4)[0].truth
    assert truth is not None
    first = np.where((truth.id >= 0).any(0), (truth.id >= 0).int().argmax(0), -1)
    assert set(first.tolist()) == {0, 4, 8}
    for birth in (0, 4, 8):
        assert 10 <= (first == birth).sum() <= 15


def test_tracks_hold_what_is_seen_enough_in_order_of_frame_and_id() -> None:
    truth = Sprites(sprites("hd"), seed=0)[0].truth
    assert truth is not None
    for least in (0.0, 0.25, 0.75):
        tracks = truth.tracks(least)
        assert len(tracks) == int(((truth.id >= 0) & (truth.visibility >= least)).sum())
        assert (tracks.visibility >= least).all() and tracks.length == 10
        order = np.lexsort((tracks.id, tracks.frame))
        assert (order == np.arange(len(order))).all()
    lookup = {(f, int(i)): n for f in range(10) for n, i in enumerate(truth.id[f]) if i >= 0}
    rows = [(f, lookup[(f, i)]) for f, i in zip(tracks.frame.tolist(), tracks.id.tolist(), strict=True)]
    np.testing.assert_allclose(tracks.box_tlwh, [truth.box_tlwh[row].tolist() for row in rows], atol=1e-5)


def test_boxes_stay_inside_the_view() -> None:
    truth = Sprites(sprites("vhd"), seed=0)[0].truth
    assert truth is not None
    near, far = truth.box_tlwh[..., :2], truth.box_tlwh[..., :2] + truth.box_tlwh[..., 2:]
    assert (near >= 0).all() and (far <= 64).all()
    assert (truth.box_tlwh[truth.id >= 0][:, 2:] > 0).all() and (truth.box_tlwh[truth.id < 0] == 0).all()


@pytest.mark.parametrize("name", BACKDROPS)
def test_backgrounds_move_stay_dark_and_do_not_depend_on_the_number_of_frames(name: str) -> None:
    long = backdrop(name, np.random.default_rng(1), frames=8, size=(20, 28))
    short = backdrop(name, np.random.default_rng(1), frames=2, size=(20, 28))
    assert long.shape == (8, 20, 28, 3) and long.dtype == np.float32
    np.testing.assert_array_equal(long[:2], short)
    assert long.min() >= 0 and long.max() <= BRIGHTEST + 1e-6
    assert (np.abs(np.diff(long, axis=0)).max() > 0.01) == (name != "black")


def test_drifting_clouds_keep_their_brightness_while_they_move() -> None:
    frames = backdrop("clouds", np.random.default_rng(3), frames=4, size=(32, 32))
    contrast = frames.std(axis=(1, 2))
    np.testing.assert_allclose(contrast[1:], contrast[:-1], rtol=0.2)
    assert np.abs(frames[3] - frames[0]).mean() > 0.005


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shapes": ("star",)}, "star"),
        ({"count": (5, 2)}, "least"),
        ({"canvas": 32}, "canvas"),
        ({"background": "rain"}, "clouds"),
        ({"object_size": 90.0}, "canvas"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SpritesConfig(**wrong)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="vld, ld, md"):
        sprites("mdd")
    with pytest.raises(UserError, match="clouds"):
        backdrop("rain", np.random.default_rng(0), frames=1, size=(8, 8))
    with pytest.raises(IndexError):
        Sprites(sprites("md"), length=3)[3]
