"""Laws of footage: crops are pure functions that look where something moves; sizes and speeds are found unaided."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scalor.data.candidates import temporal_median
from scalor.data.footage import Footage, FootageClips
from scalor.data.loader import batch_at
from scalor.data.objects import estimate_objects, suggest_scale
from scalor.data.survey import survey
from scalor.data.video import open_video
from scalor.errors import UserError

H, W, N = 96, 144, 60
TALL, WIDE = 20, 8


def street(seed: int = 0, *, frames: int = N, contrast: int = 120, speed: float = 3.0) -> np.ndarray:
    """Three boxes 20 px high and 8 px wide that walk to the right over a textured, slightly noisy ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(60, 110, (H, W, 1)).repeat(3, 2).astype(np.float64)
    video = np.empty((frames, H, W, 3), np.uint8)
    for t in range(frames):
        picture = ground + rng.normal(0, 2, ground.shape)
        for lane in range(3):
            x = int(lane * 47 + speed * t) % (W + WIDE) - WIDE
            picture[10 + 28 * lane : 10 + 28 * lane + TALL, max(0, x) : max(0, x + WIDE)] += contrast
        video[t] = picture.clip(0, 255).astype(np.uint8)
    return video


def save(folder: Path, video: np.ndarray) -> Path:
    folder.mkdir()
    for index, image in enumerate(video):
        Image.fromarray(image).save(folder / f"{index}.png", compress_level=1)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("footage") / "street", street())


@pytest.fixture(scope="module")
def footage(folder) -> Footage:
    return Footage.load([folder])


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_temporal_median_equals_the_sorted_middle(frames, seed):
    video = np.random.default_rng(seed).integers(0, 256, (frames, 5, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(temporal_median(video), np.sort(video, axis=0)[(frames - 1) // 2])


def test_background_is_the_scene_without_its_objects(footage):
    reel = footage.reels[0]
    clean = street(contrast=0)
    assert np.abs(reel.background.astype(int) - temporal_median(clean)).mean() < 1.5


def test_a_crop_is_a_pure_function_of_seed_and_index(footage, folder):
    again = Footage.load([folder])
    for index in (0, 5, 10**9):
        one, two = (f.crop_clip(3, index, frames=6, crop=32) for f in (footage, again))
        assert torch.equal(one.video, two.video) and (one.top, one.left, one.frame) == (two.top, two.left, two.frame)
    assert not torch.equal(
        footage.crop_clip(3, 0, frames=6, crop=32).video, footage.crop_clip(4, 0, frames=6, crop=32).video
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, N), st.integers(8, H), st.integers(8, W))
def test_a_crop_is_a_window_of_the_frames_and_of_the_background(footage, index, frames, height, width):
    crop = footage.crop_clip(0, index, frames=frames, crop=(height, width))
    reel = footage.reels[crop.reel]
    rows, columns = slice(crop.top, crop.top + height), slice(crop.left, crop.left + width)
    window = reel.frames[crop.frame : crop.frame + frames, rows, columns]
    np.testing.assert_array_equal(crop.video.numpy(), np.moveaxis(window, -1, 1))
    np.testing.assert_array_equal(crop.background.numpy(), np.moveaxis(reel.background[rows, columns], -1, 0))


def test_crops_of_the_moving_share_show_motion(folder):
    quiet = street(frames=40)
    quiet[:, :, W // 4 :] = quiet[0, :, W // 4 :]  # things move in the left quarter only
    moving = Footage(Footage.load([save(folder.parent / "quiet", quiet)]).reels, motion_share=1.0)
    anywhere = Footage(moving.reels, motion_share=0.0)

    def share(footage: Footage) -> float:
        crops = (footage.crop_clip(0, i, frames=2, crop=16) for i in range(200))
        return float(np.mean([crop.left < W // 4 + 8 for crop in crops]))

    assert share(moving) == 1.0
    assert share(anywhere) < 0.6


def test_a_frame_smaller_than_the_crop_is_continued_alike_in_video_and_background(footage):
    crop = footage.crop_clip(0, 1, frames=3, crop=(H + 24, W + 8))
    assert crop.video.shape == (3, 3, H + 24, W + 8) and (crop.top, crop.left) == (0, 0)
    outside = crop.video.int() - crop.background.int()
    assert (outside[:, :, H:] == 0).all() and (outside[:, :, :, W:] == 0).all()
    assert (outside[:, :, :H, :W] != 0).any()


def test_clips_never_straddle_a_frame_that_is_missing(folder, tmp_path):
    place = save(tmp_path / "gap", street(frames=20))
    (place / "8.png").write_bytes(b"")
    footage = Footage.load([place])
    reel = footage.reels[0]
    assert reel.runs == ((0, 8), (8, 19)) and reel.index.tolist() == [*range(8), *range(9, 20)]
    assert reel.report.failed == (8,) and footage.longest_run() == 11
    starts = {footage.crop_clip(0, i, frames=6, crop=16).frame for i in range(300)}
    assert starts == {*range(0, 3), *range(9, 15)}
    with pytest.raises(UserError, match="11 frames; 12 are wanted"):
        footage.crop_clip(0, 0, frames=12, crop=16)


def test_a_film_with_repeated_frames_is_learned_as_the_film_without(tmp_path):
    video = street(frames=24)
    doubled = np.repeat(np.arange(24), 2)
    own = Footage.load([save(tmp_path / "own", video)])
    again = Footage.load([save(tmp_path / "again", video[np.delete(doubled, [9, 30])])])
    (one,), (other,) = own.reels, again.reels
    assert np.array_equal(one.frames, other.frames) and np.array_equal(one.background, other.background)
    assert other.runs == ((0, 24),) and np.array_equal(one.moving, other.moving)
    clips = [each.crop_clip(1, 5, frames=6, crop=(48, 64)).video for each in (own, again)]
    assert torch.equal(*clips)


def test_long_footage_keeps_spread_pieces_within_its_memory(folder, monkeypatch):
    monkeypatch.setattr("scalor.data.footage.CHUNK", 6)
    reel = Footage.load([folder], memory_gb=21 * H * W * 3 / 1e9).reels[0]
    assert len(reel.frames) == 18 and reel.runs == ((0, 6), (6, 12), (12, 18))
    assert reel.index[0] == 0 and reel.index[-1] == N - 1
    np.testing.assert_array_equal(reel.frames, [f.image for f in open_video(folder).read(reel.index.tolist())])


def test_several_videos_are_drawn_alike_however_long_they_are(folder, tmp_path):
    short = save(tmp_path / "short", street(1, frames=12))
    footage = Footage.load([folder, short], scale=[1.0, 0.5])
    drawn = [footage.crop_clip(0, i, frames=4, crop=32).reel for i in range(400)]
    assert 0.4 < np.mean(drawn) < 0.6
    assert footage.reels[1].size == (H // 2, W // 2)


def test_footage_is_a_data_set_for_the_loader(footage):
    clips = FootageClips(footage, 5, 32)
    batch = batch_at(clips, 1, step=2, batch=3, frames=4)
    assert batch.shape == (3, 4, 3, 32, 32)
    assert torch.equal(batch, batch_at(clips, 1, step=2, batch=3, frames=4))
    assert clips[7].name.startswith("street@") and len(clips[7].video) == 10


@pytest.mark.parametrize("contrast", [120, 30, -50])
def test_size_speed_and_number_of_objects_are_found(contrast):
    video = street(contrast=contrast, speed=3.0)
    stats = estimate_objects(video, temporal_median(video))
    assert abs(stats.height_px - TALL) <= 1 and abs(stats.width_px - WIDE) <= 1
    assert abs(stats.speed_px[0] - 3) < 0.5 and stats.count == 3 and stats.confidence > 0.6
    assert abs(stats.contrast * 255 - abs(contrast)) < 0.25 * abs(contrast)
    assert stats.height_range[0] <= stats.height_px <= stats.height_range[1]
    assert f"{stats.height_px:.0f} px high" in stats.words()


def test_shadows_are_no_part_of_an_object_unless_all_are_like_shadows():
    """Red boxes 20 px high over shadows of 10 px; then only the shadows, which must then be the objects."""
    video, alone = street(contrast=0), street(contrast=0)
    for t in range(N):
        for lane in range(3):
            x, top = int(lane * 47 + 3 * t) % (W + WIDE) - WIDE, 6 + 30 * lane
            across = slice(max(0, x), max(0, x + WIDE))
            video[t, top : top + TALL, across] = (200, 40, 40)
            video[t, top + TALL : top + TALL + 10, across] = video[t, top + TALL : top + TALL + 10, across] * 0.6
            alone[t, top : top + TALL, across] = alone[t, top : top + TALL, across] * 0.6
    stats = estimate_objects(video, temporal_median(video))
    assert stats.shadows and 0.15 < stats.shade < 0.45 and abs(stats.height_px - TALL) <= 2
    grey = estimate_objects(alone, temporal_median(alone))
    assert not grey.shadows and grey.shade > 0.7 and abs(grey.height_px - TALL) <= 2


def test_dark_parts_of_objects_are_no_shadows():
    """Cars as dark as their road in the shade, in places: a window in the middle, a bonnet, all but the roof."""
    video = street(contrast=0)
    for t in range(N):
        for lane, (first, last) in enumerate(((7, 13), (11, 20), (6, 20))):
            x, top = int(lane * 47 + 3 * t) % (W + WIDE) - WIDE, 6 + 30 * lane
            across = slice(max(0, x), max(0, x + WIDE))
            even = video[t, top : top + TALL, across].mean() * 0.6 if across.stop else 0
            video[t, top : top + TALL, across] = 210
            video[t, top + first : top + last, across] = even
    stats = estimate_objects(video, temporal_median(video))
    assert not stats.shadows and stats.shade == 0.0
    assert abs(stats.height_px - TALL) <= 2 and stats.height_range[1] - stats.height_range[0] <= 3


def test_speed_is_measured_between_neighbouring_frames_only():
    video = street(speed=2.0)
    picks = np.array([0, 1, 20, 21, 40, 41])
    stats = estimate_objects(video[picks], temporal_median(video), index=picks)
    assert abs(stats.speed_px[0] - 2) < 0.5


def test_a_still_scene_gives_no_confidence_and_says_so():
    video = street(contrast=0)
    stats = estimate_objects(video, temporal_median(video))
    assert stats.confidence == 0 and stats.count == 0 and "by hand" in stats.words()


def test_a_moving_camera_gives_no_confidence():
    scene = np.random.default_rng(0).integers(0, 255, (12, 40, 3)).repeat(12, 0).repeat(12, 1).astype(np.uint8)
    video = np.stack([scene[:, 5 * t : 5 * t + 200] for t in range(40)])
    assert estimate_objects(video, temporal_median(video)).confidence < 0.3


def test_survey_speaks_in_source_pixels_whatever_the_scale(folder):
    whole, half = survey(open_video(folder)), survey(open_video(folder, scale=0.5))
    assert whole.frame_size == half.frame_size == (H, W)
    assert abs(whole.height_px - TALL) <= 2 and abs(half.height_px - TALL) <= 4
    assert abs(half.speed_px[0] - whole.speed_px[0]) < 1


def test_survey_leaves_the_source_as_it_was(tmp_path):
    big = np.random.default_rng(0).integers(0, 255, (4, 40, 900, 3)).astype(np.uint8)
    source = open_video(save(tmp_path / "big", big))
    survey(source)
    assert (source.height, source.width) == (40, 900)


def test_suggested_scale_brings_objects_to_the_target_and_never_enlarges():
    video = street()
    stats = estimate_objects(video, temporal_median(video))
    large = stats.resized((H * 10, W * 10))
    assert abs(large.resized((H, W)).height_px - stats.height_px) < 1e-9
    assert suggest_scale(large) * large.height_px == pytest.approx(20)
    assert suggest_scale(stats, target_px=500) == 1.0
    assert suggest_scale(large, target_px=1) * H * 10 == pytest.approx(64)


def test_no_video_is_a_mistake_of_the_user(folder):
    with pytest.raises(UserError, match="no video"):
        Footage.load([])
    with pytest.raises(UserError, match="scales"):
        Footage.load([folder], scale=[1.0, 1.0])


def test_a_share_of_the_clips_is_seen_at_twice_the_speed(footage):
    frames = torch.from_numpy(footage.reels[0].frames).permute(0, 3, 1, 2)

    def stride(index: int, hurry: float) -> int:
        crop = footage.crop_clip(0, index, frames=4, crop=32, hurry=hurry)
        place = frames[:, :, crop.top : crop.top + 32, crop.left : crop.left + 32]
        fits = [step for step in (1, 2) if torch.equal(crop.video, place[crop.frame :: step][:4])]
        assert len(fits) == 1
        return fits[0]

    assert {stride(index, 0.5) for index in range(40)} == {1, 2}
    assert {stride(index, 0.0) for index in range(10)} == {1}


def test_a_share_of_the_clips_comes_with_another_moment_of_its_place(footage):
    frames = torch.from_numpy(footage.reels[0].frames).permute(0, 3, 1, 2)

    def other(index: int, crowded: float) -> bool:
        crop = footage.crop_clip(0, index, frames=4, crop=32, crowded=crowded)
        if crop.other is None:
            return False
        place = frames[:, :, crop.top : crop.top + 32, crop.left : crop.left + 32]
        return any(torch.equal(crop.other, place[start : start + 4]) for start in range(len(frames) - 3))

    assert {other(index, 0.5) for index in range(40)} == {True, False}
    assert not any(other(index, 0.0) for index in range(10))
    plain, also = (footage.crop_clip(0, 3, frames=4, crop=32, crowded=share) for share in (0.0, 1.0))
    assert torch.equal(plain.video, also.video)


def test_spots_in_heavy_noise_are_sized_in_smoothed_frames_and_clean_films_are_not(tmp_path):
    """Spots of 9 px between their half heights' edges, hardly four times as bright as the noise."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[0:H, 0:W]
    place, speed = rng.uniform(15, 80, (12, 2)) * (1.0, 1.6), rng.normal(0, 1.2, (12, 2))
    film = np.empty((30, H, W, 3), np.uint8)
    for t in range(len(film)):
        place += speed + rng.normal(0, 0.5, place.shape)
        light = sum(np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 12.5) for y, x in place)
        film[t] = (70 + 95 * light + rng.normal(0, 26, (H, W))).clip(0, 255)[..., None]
    noisy = survey(open_video(save(tmp_path / "noisy", film)))
    assert noisy.smooth >= 1.0 and "smoothed" in noisy.words()
    assert noisy.confidence > 0.6
    assert 6 <= noisy.count <= 13 and 5 <= noisy.height_px <= 12
    assert survey(open_video(save(tmp_path / "clean", street()))).smooth == 0.0


def test_footage_is_smoothed_as_asked(folder):
    calm, sharp = (Footage.load([folder], smooth=std).reels[0].frames for std in (1.5, 0.0))
    assert calm.shape == sharp.shape
    assert np.diff(calm.astype(int), axis=1).std() < 0.5 * np.diff(sharp.astype(int), axis=1).std()
