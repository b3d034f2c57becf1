import time

import numpy as np
import pytest
import torch

from scalor.data.camera import Camera
from scalor.data.capsules import Capsules, paint
from scalor.data.clip import Clip
from scalor.data.crowd import PRESETS, Crowd, CrowdConfig, cast, crowd
from scalor.data.crowd_scenes import PLACES, plate
from scalor.data.grounds import replacement
from scalor.errors import UserError

SMALL = CrowdConfig(size=48, count=(12, 16), scenes=(0, 5), frames=6, name="small")


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Crowd(SMALL, seed=3)[0]


def test_a_clip_is_a_pure_function_of_seed_and_index_and_shorter_ones_are_beginnings(clip: Clip) -> None:
    again, short = Crowd(SMALL, seed=3)[0], Crowd(SMALL, seed=3).clip(0, 4)
    torch.testing.assert_close(again.video, clip.video, rtol=0, atol=0)
    torch.testing.assert_close(short.video, clip.video[:4], rtol=0, atol=0)
    assert not torch.equal(Crowd(SMALL, seed=4).clip(0, 4).video, short.video)
    with pytest.raises(IndexError):
        _ = Crowd(SMALL, length=2)[2]


def test_the_truth_names_the_pixels_that_people_show(clip: Clip) -> None:
    """Boxes hold the masks, and who is not hidden fills a good part of the box."""
    assert clip.truth is not None
    truth, frames = clip.truth, len(clip.video)
    assert (truth.id >= 0).sum(1).min() >= 8
    assert all(len(set(ids[ids >= 0].tolist())) == int((ids >= 0).sum()) for ids in truth.id)
    for t in range(frames):
        for n in (truth.id[t] >= 0).nonzero()[:, 0].tolist():
            left, top, width, height = truth.box_tlwh[t, n].tolist()
            y, x = (truth.owner[t] == n).nonzero(as_tuple=True)
            if len(y):
                assert x.min() >= left - 1 and x.max() < left + width + 1
                assert y.min() >= top - 1 and y.max() < top + height + 1
    clear = (truth.visibility > 0.95) & (truth.box_tlwh[..., 2:].min(-1).values > 3.5)
    areas = torch.stack([(truth.owner == n).sum((1, 2)) for n in range(truth.id.shape[1])], 1)
    fill = (areas / truth.box_tlwh[..., 2:].prod(-1))[clear & (truth.id >= 0)]
    assert len(fill) > 10 and 0.3 < float(fill.median()) < 0.8


def test_people_change_pixels_and_the_place_stands_still(clip: Clip) -> None:
    assert clip.truth is not None
    video = clip.video.float()
    median = video.median(0).values
    difference = (video - median).abs().mean(1)
    moved = difference[clip.truth.owner >= 0].mean()
    still = difference[clip.truth.owner < 0].median()
    assert still < 4 and moved > 4 * still


def test_people_walk_with_legs_and_some_stand_and_keep_their_distance() -> None:
    walked, _ = cast(PRESETS["hard"], 0, rng=np.random.default_rng(0), frames=60)
    region = PLACES[0].camera.region(2.0)
    size = region[1] - region[0]
    step = np.diff(walked.position, axis=0)
    step = (step + size / 2) % size - size / 2  # who leaves on one side comes in on the other
    speed = np.linalg.norm(step, axis=-1) * 5
    assert 0.8 < np.quantile(speed, 0.9) < 2.0 and (speed < 0.1).mean() > 0.05 and speed.max() < 2.1
    turned = np.diff(walked.phase, axis=0)[walked.pace[1:] > 1.0]
    assert turned.min() > 0.5
    gap = np.linalg.norm(walked.position[:, :, None] - walked.position[:, None], axis=-1)
    nearest = np.sort(gap, axis=-1)[..., 1]
    assert np.quantile(nearest, 0.05) > 0.25


def test_ids_are_never_given_twice() -> None:
    """Who leaves the view is somebody else when he comes back."""
    truth = Crowd(SMALL, seed=1).clip(1, 40).truth
    assert truth is not None
    there = truth.id >= 0
    for n in range(there.shape[1]):
        frames = there[:, n].nonzero()[:, 0]
        assert len(frames) == frames.max() - frames.min() + 1
    assert there.shape[1] > int(there.sum(1).max())


def test_the_larger_preset_shows_the_same_crowd() -> None:
    small = Crowd(CrowdConfig(size=48, count=(5, 8), scenes=(2,)), seed=2).clip(0, 1).truth
    large = Crowd(CrowdConfig(size=96, count=(5, 8), scenes=(2,)), seed=2).clip(0, 1).truth
    assert small is not None and large is not None
    torch.testing.assert_close(small.id, large.id)
    torch.testing.assert_close(2 * small.box_tlwh, large.box_tlwh, atol=1e-3, rtol=0)
    assert {"hard", "hard-256", "gradient-256"} <= set(PRESETS) and PRESETS["hard-256"].size == 256


def test_replaced_backgrounds_are_seen_between_people_and_carry_no_shadow() -> None:
    config = CrowdConfig(size=48, count=(5, 8), background="gradient", noise=0.0)
    clip = Crowd(config).clip(0, 1)
    assert clip.truth is not None
    # The camera's own curve lies between: the same in every clip.
    empty = Crowd(CrowdConfig(size=48, count=(0, 0), background="gradient", noise=0.0)).clip(3, 1)
    free = torch.nn.functional.max_pool2d((clip.truth.owner >= 0).float()[:, None], 3, 1, 1)[:, 0] == 0
    free = free[:, None].expand_as(clip.video)
    torch.testing.assert_close(clip.video[free], empty.video[free])
    assert empty.truth is not None and empty.truth.id.shape == (1, 0)


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_every_place_is_lit_and_textured(number: int) -> None:
    picture = plate(number, 64).picture
    assert np.isfinite(picture).all() and picture.min() >= 0
    shown = np.sqrt(np.clip(picture, 0, 1))
    assert 0.15 < shown.mean() < 0.85 and np.abs(np.diff(shown, axis=1)).mean() > 0.01
    assert len(plate(number, 64).sprites) == len(PLACES[number].items)


def test_blurring_softens_the_sharp_ground() -> None:
    edges = [np.abs(np.diff(replacement(name, 128).astype(float), axis=1)).mean() for name in
             ("hard", "blurred", "heavily-blurred", "gradient")]  # fmt: skip
    assert edges == sorted(edges, reverse=True) and edges[0] > 2 * edges[2]
    with pytest.raises(UserError, match="no picture that can be read"):
        replacement("sharp", 64)


def test_a_capsule_covers_its_area() -> None:
    ends = np.array([[[[10.0, 10.0], [30.0, 10.0]]]])
    shapes = Capsules(ends, np.full((1, 1, 2), 5.0), np.zeros((1, 1)), np.ones((1, 1, 3)), np.zeros((1, 1, 2)))
    cover = paint(shapes, None)
    assert cover.alpha.sum() == pytest.approx(20 * 10 + np.pi * 25, rel=0.01)
    np.testing.assert_array_equal(shapes.extent(), [[5, 5, 35, 15]])


def test_projection_and_ground_undo_each_other() -> None:
    camera = Camera(8.0, 0.7, 1.6)
    place = np.random.default_rng(0).random((20, 2))
    ground = camera.ground(place)
    back, depth = camera.project(np.concatenate([ground, np.zeros((20, 1))], -1))
    np.testing.assert_allclose(back, place, atol=1e-9)
    assert (depth > 0).all()


def test_frames_for_training_are_made_quickly() -> None:
    """30 ms of one core per 128 px frame are aimed at; a wide margin for busy machines."""
    data = Crowd(crowd("hard"), seed=9)
    data.clip(0, 1)
    start = time.process_time()
    data.clip(0, 8)
    assert (time.process_time() - start) / 8 < 0.15
