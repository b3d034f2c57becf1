"""Clips like the benchmark's: what is published of them holds, and the truth is what is drawn."""

import pickle

import numpy as np
import pytest
import torch

from scalor.data.benchmark_paths import Crossing
from scalor.data.benchmark_sets import SETS, BenchmarkClips, benchmark_set
from scalor.data.textures import texture
from scalor.errors import UserError

EACH = pytest.mark.parametrize("name", SETS)


@EACH
def test_a_clip_depends_on_seed_and_index_alone_and_begins_as_shorter_ones(name: str) -> None:
    data = BenchmarkClips(SETS[name], seed=3)
    for index in range(4):
        whole = data[index]
        again = pickle.loads(pickle.dumps(data))[index]
        assert torch.equal(whole.video, again.video) and torch.equal(whole.truth.owner, again.truth.owner)
        short = data.clip(index, frames=4)
        assert torch.equal(short.video, whole.video[:4]) and torch.equal(short.truth.owner, whole.truth.owner[:4])
    assert not torch.equal(data[0].video, data[1].video)
    assert not torch.equal(data[0].video, BenchmarkClips(SETS[name], seed=4)[0].video)


@EACH
def test_clips_are_of_the_published_size_and_hold_the_published_number_of_sprites(name: str) -> None:
    counts = set()
    for index in range(40):
        clip = BenchmarkClips(SETS[name])[index]
        assert clip.video.shape == (10, 3, 64, 64)
        counts |= set((clip.truth.id >= 0).sum(1).tolist())
    assert counts == ({0, 1, 2, 3} if name == "spmot-like" else {1, 2, 3, 4})


@EACH
def test_lone_sprites_fill_their_boxes_and_no_more(name: str) -> None:
    seen = 0
    for index in range(30):
        truth = BenchmarkClips(SETS[name])[index].truth
        whole = (truth.visibility > 0.999) & (truth.id >= 0)
        for frame, column in whole.nonzero().tolist():
            rows, columns = (truth.owner[frame] == column).nonzero(as_tuple=True)
            left, top, width, height = truth.box_tlwh[frame, column].tolist()
            near = min(float(columns.min()) - left, float(rows.min()) - top)
            far = min(left + width - float(columns.max()) - 1, top + height - float(rows.max()) - 1)
            # Masks are counted on 4 x 4 points a pixel, half of which are enough.
            assert near > -0.63 and far > -0.63, "nothing is drawn outside the box"
            slack = width - (float(columns.max() - columns.min()) + 1), height - (float(rows.max() - rows.min()) + 1)
            # Sharp corners cover less than half of their last pixels.
            assert max(slack) < 3.1
            seen += 1
    assert seen > 100


def test_sprites_cross_in_straight_lines_at_one_speed_and_vanish() -> None:
    config = SETS["spmot-like"]
    born = gone = 0
    for index in range(30):
        truth = BenchmarkClips(config)[index].truth
        for column in range(len(truth.size)):
            there = truth.id[:, column] >= 0
            place = truth.center[there, column]
            step = place[1:] - place[:-1]
            if len(step):
                assert step.norm(dim=-1).tolist() == pytest.approx([config.paths.speed] * len(step), abs=1e-3)
                assert (step - step[0]).abs().max() < 1e-3
            assert (truth.center[there, column] > config.paths.margin - 1e-3).all()
            born += int(not there[0])
            gone += int(not there[-1])
    assert born > 10 and gone > 10


def test_on_average_a_film_is_as_full_at_its_beginning_as_at_its_end() -> None:
    paths = Crossing()
    there = np.stack([paths(np.random.default_rng(seed), 40, 64).there.sum(1) for seed in range(300)])
    first, last = there[:, :10].mean(), there[:, -10:].mean()
    assert first == pytest.approx(last, abs=0.15) and 2.0 < first < 2.7


@pytest.mark.parametrize("name", ["vmds-like", "texvmds-like"])
def test_winding_sprites_turn_swell_and_hide_each_other(name: str) -> None:
    turns, growth, hidden = [], [], 0
    for index in range(30):
        clip = BenchmarkClips(SETS[name])[index]
        truth = clip.truth
        step = truth.center[1:] - truth.center[:-1]
        heading = torch.atan2(step[..., 1], step[..., 0])
        turns += ((heading[1:] - heading[:-1] + np.pi) % (2 * np.pi) - np.pi).abs().flatten().tolist()
        area = torch.stack([(truth.owner == column).sum((1, 2)) for column in range(len(truth.size))], 1)
        full = (truth.visibility > 0.999).all(0)
        growth += (area.amax(0) / area.amin(0).clamp(min=1))[full].tolist()
        hidden += int(((truth.visibility < 0.5) & (truth.id >= 0)).sum())
        assert (truth.center >= 0).all() and (truth.center <= 64).all()
    assert np.median(turns) > 0.1 and max(growth) > 1.5 and hidden > 10


def test_backgrounds_are_black_plain_or_textured_and_still() -> None:
    for name, spread in {"spmot-like": 0.0, "vmds-like": 0.0, "texvmds-like": 5.0}.items():
        clip = BenchmarkClips(SETS[name])[1]
        edges = clip.truth.owner[0] < 0
        for reach in (-1, 1):
            for axis in (0, 1):
                edges = edges & (clip.truth.owner[0].roll(reach, axis) < 0)
        ground = clip.video[0][:, edges].float()
        assert (ground.std(1).max() > spread) if spread else (ground.std(1).max() == 0)
        assert name != "spmot-like" or not ground.any()
        free = (clip.truth.owner < 0).all(0)
        for axis in (0, 1):
            for reach in (-1, 1):
                free = free & (clip.truth.owner.roll(reach, axis + 1) < 0).all(0)
        assert free.any() and (clip.video[:, :, free] == clip.video[:1, :, free]).all()


def test_a_texture_moves_with_its_sprite_and_has_contrast() -> None:
    cloth = texture(np.random.default_rng(0), (48, 48))
    assert cloth.shape == (48, 48, 3) and cloth.min() >= 0 and cloth.max() <= 1
    assert cloth.std((0, 1)).max() > 0.05
    clip = BenchmarkClips(SETS["texvmds-like"])[2]
    pixels = [clip.video[frame][:, clip.truth.owner[frame] == 0].float() for frame in (0, 1)]
    assert pixels[0].std(1).max() > 5
    assert torch.allclose(pixels[0].mean(1), pixels[1].mean(1), atol=12)


def test_unknown_sets_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="known are spmot-like, vmds-like, texvmds-like"):
        benchmark_set("spmot")
    with pytest.raises(IndexError):
        BenchmarkClips(SETS["vmds-like"], length=1)[1]
