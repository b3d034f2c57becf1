"""Tracking whole videos: complete folders or none, the same files each time, every frame accounted for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scalor.core.tracks import Tracks
from scalor.data.backdrop import empty_scene
from scalor.data.source import smoothed
from scalor.data.video import open_video
from scalor.pretrained import Loaded
from scalor.tracking.passes import first_pass, second_pass
from scalor.tracking.report import FrameResult
from scalor.tracking.run import track_video
from scalor.tracking.setup import prepare
from scalor.tracking.table import shelf
from scalor.tracking.tracker import Tracker


def test_a_median_image_is_taken_from_the_weights_only_where_it_shows_this_place(
    make_model, make_frames, write_clip, write_run
):
    frames, ground = make_frames(6, 40, 48), np.random.default_rng(1).integers(80, 120, (40, 48, 3), dtype=np.uint8)
    frames = np.where(frames < 120, ground, frames)
    here = np.median(frames, axis=0).astype(np.uint8)
    stored = torch.from_numpy(here).permute(2, 0, 1)
    weights = write_run(make_model(background="median"), extra={"backdrop": stored}, scale=1.0)
    same = prepare(weights, open_video(write_clip(frames, name="same")), device="cpu")
    other = prepare(weights, open_video(write_clip(255 - frames, name="other")), device="cpu")
    small = prepare(weights, open_video(write_clip(frames[:, :32], name="small")), device="cpu")
    assert same.backdrop == "stored with the weights"
    assert other.backdrop == small.backdrop == "estimated from 6 frames of this video"
    shown = same.tracker.observe(frames[0], pictures=True).pictures.background
    assert (shown == here).all()
    assert other.tracker.observe(255 - frames[0], pictures=True).pictures.background.mean() > 130 > here.mean()


def test_a_video_is_seen_as_its_weights_were_learned(make_model, make_frames, write_clip, write_run):
    """Smoothed as in training, with the noise of each pixel: as the tracker of the weights themselves sees it."""
    frames = make_frames(6, 40, 48)
    here = torch.from_numpy(np.median(frames, axis=0).astype(np.uint8)).permute(2, 0, 1)
    extra = {"backdrop": here, "noise": torch.full((40, 48), 0.1)}
    run = write_run(make_model(background="median"), extra=extra, scale=1.0, smooth=1.5)
    tracker = prepare(run, open_video(write_clip(frames)), device="cpu").tracker
    view = tracker._open(frames[0])
    assert tracker.smooth == Tracker(run).smooth == 1.5
    assert np.array_equal(tracker.seen(view, frames[0]), smoothed(frames[0], 1.5))
    assert tracker._noise is not None and float(tracker._noise.max()) == pytest.approx(0.1)


def test_what_sways_is_at_rest_in_tracking_as_in_learning(make_model, write_clip, write_run):
    """Leaves move by two pixels for as long as the film lasts; also before weights that have never seen the place."""
    rng, frames = np.random.default_rng(0), np.full((24, 40, 48, 3), (150, 160, 120), np.uint8)
    for t, frame in enumerate(frames):
        for row, column in ((10, 12), (12, 30), (28, 20)):
            x = column + round(2 * np.sin(t / 3 + row))
            frame[row : row + 6, x : x + 5] = (40, 80, 30)
    frames = np.clip(frames + rng.normal(0, 1, frames.shape), 0, 255).astype(np.uint8)
    scene = empty_scene(frames)
    stored = {"backdrop": torch.from_numpy(scene.image).permute(2, 0, 1), "sways": torch.from_numpy(scene.sways)}
    model, video = make_model(background="median"), open_video(write_clip(frames))
    for weights in (write_run(model, extra=stored, scale=1.0), Loaded(model, {"scale": 1.0}, {})):
        tracker = prepare(weights, video, device="cpu").tracker
        tracker.observe(frames[0])
        for frame in frames[1:]:
            before, after = (np.abs(image.astype(int) - scene.image) > 30 for image in (frame, tracker._steady(frame)))
            assert after.sum() <= 0.2 * before.sum()


def test_a_table_of_a_video_counts_frames_without_objects(make_frames, write_clip):
    class Blind:
        def observe(self, frame: np.ndarray | None) -> FrameResult:
            return FrameResult.empty(0, (40, 40), decoded=frame is not None)

    table = track_video(write_clip(make_frames(4, 40, 40)), Blind(), progress=False)
    assert isinstance(table, Tracks) and len(table) == 0 and table.length == 4


def test_two_passes_report_objects_from_the_frame_in_which_they_appear(make_model, make_frames, write_clip):
    source = open_video(write_clip(make_frames(8, 40, 48)))
    tracker = Tracker(make_model(), confirm=3)
    online = track_video(source, tracker, progress=False)
    tracker.reset()
    with shelf((40, 48)) as kept:
        revised = first_pass(source, tracker, kept, progress=False)
        reports = [result for _, result in second_pass(source, revised, kept, pictures=False)]
    assert (online.frame.min(), tracker.confirm, tracker.min_visibility) == (2, 3, 0.25)
    assert len(reports) == 8 and len(reports[0]) > 3
    for result in reports:
        box = result.box_tlwh
        cut = (box[:, :2] <= 2).any(1) | (box[:, :2] + box[:, 2:] >= (46, 38)).any(1)
        assert len(result.masks) == len(result) and (result.visibility >= np.where(cut, 0.1, 0.25)).all()


def test_rows_know_how_large_network_pixels_are():
    one = FrameResult.empty(0, (80, 120))
    coarse = replace(one, masks=replace(one.masks, scale=(4.0, 3.0)))
    with shelf((80, 120)) as kept:
        assert kept.rows().pixel == 1.0
        for result in (one, coarse, one):
            kept.put(result)
        assert kept.rows().pixel == 4.0
