"""The classical baseline on made-up videos whose answer is known."""

import numpy as np
import pytest
from pycocotools.mask import decode

from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.metrics import evaluate
from scalor.tracking.mog2_sort import Mog2Sort, Mog2SortConfig

from .classical import mog2_table

HEIGHT, WIDTH, FRAMES = 96, 128, 40


def street(frames: int = FRAMES, *, noise: int = 3, channels: int = 3) -> tuple[list[np.ndarray], Tracks]:
    """Two blocks, 12 x 20 and 16 x 10 pixels, crossing a textured background on different lines."""
    rng = np.random.default_rng(0)
    empty = rng.integers(60, 120, (HEIGHT, WIDTH, channels))
    video, rows = [], []
    for t in range(frames):
        picture = empty + rng.integers(-noise, noise + 1, empty.shape)
        for number, (left, top, width, height, value) in enumerate(
            [(4 + 2 * t, 10, 12, 20, 230), (110 - 2 * t, 60, 16, 10, 10)]
        ):
            picture[top : top + height, left : left + width] = value
            rows.append((t, number, left, top, width, height, 1.0, 1.0))
        video.append((picture if channels == 3 else picture[..., 0]).astype(np.uint8))
    return video, Tracks.from_rows(rows, length=frames)


def test_two_blocks_are_followed_with_tight_boxes_and_constant_ids():
    video, truth = street()
    scores = evaluate(truth, mog2_table(iter(video)), iou=0.7)
    assert (scores.precision, scores.recall) == (1.0, 1.0), "frame 0 included"
    assert (scores.id_switches, scores.tracks) == (0, 2)


def test_masks_cover_the_blocks_and_lie_in_their_boxes():
    video, _ = street()
    tracks = mog2_table(video)
    assert tracks.masks is not None
    for row in range(len(tracks)):
        mask = decode(tracks.masks[row]).astype(bool)
        left, top, width, height = tracks.box_tlwh[row].astype(int)
        assert mask.shape == (HEIGHT, WIDTH)
        assert mask[top : top + height, left : left + width].sum() == mask.sum() > 0.9 * width * height * 0.9
    assert mog2_table(video, masks=False).masks is None


def test_grey_frames_give_the_same_boxes_as_grey_in_colour():
    video, truth = street(channels=1)
    grey = mog2_table(video)
    assert evaluate(truth, grey, iou=0.7).mota > 0.9


def test_an_empty_noisy_scene_has_no_tracks():
    rng = np.random.default_rng(1)
    empty = rng.integers(60, 120, (HEIGHT, WIDTH, 3))
    tracks = mog2_table([(empty + rng.integers(-4, 5, empty.shape)).astype(np.uint8) for _ in range(30)])
    assert (len(tracks), tracks.length) == (0, 30)


def test_the_same_video_twice_gives_the_same_table_and_trackers_do_not_touch():
    video, _ = street(frames=20)
    alone = mog2_table(video)
    first, second = Mog2Sort(), Mog2Sort()
    first.learn(video)
    second.learn(video[::-1])
    ids = []
    for frame in video:
        ids.append([blob.id for blob in first.update(frame)])
        second.update(frame[::-1])
    again = mog2_table(video)
    assert np.array_equal(alone.box_tlwh, again.box_tlwh) and np.array_equal(alone.id, again.id)
    assert [number for frame in ids for number in frame] == alone.id.tolist()


def test_a_larger_smallest_area_drops_the_smaller_block():
    video, _ = street()
    tracks = mog2_table(video, Mog2SortConfig(min_area=200.0))
    assert len(tracks) > 0
    assert (tracks.box_tlwh[:, 2:].prod(axis=1) >= 200).all()
    assert len(np.unique(tracks.id)) == 1


def test_ids_in_a_frame_are_unique_and_rising():
    video, _ = street(frames=20)
    tracker = Mog2Sort()
    tracker.learn(video)
    for frame in video:
        ids = [blob.id for blob in tracker.update(frame)]
        assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    "frame", [np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)]
)
def test_frames_of_another_kind_are_a_users_mistake(frame):
    with pytest.raises(UserError, match="was wanted"):
        Mog2Sort().update(frame)


def test_a_change_of_size_is_a_users_mistake():
    tracker = Mog2Sort()
    tracker.update(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="one size"):
        tracker.update(np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(UserError, match="several sizes"):
        mog2_table([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)])


def test_one_pixel_frames_pass():
    assert len(mog2_table([np.zeros((1, 1, 3), np.uint8)] * 3)) == 0
