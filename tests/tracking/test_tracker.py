"""The streaming tracker: the same as a batch, independent of its neighbours, and no larger for having seen more."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import torch

import scalor
from scalor.core.tensors import Struct
from scalor.core.tracks import Tracks
from scalor.core.types import TRACKING
from scalor.data.fingerprints import former_fingerprint
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.pretrained import Loaded
from scalor.rollout import observe
from scalor.tracking.evaluate_clips import rollout_tracks
from scalor.tracking.report import FrameResult
from scalor.tracking.setup import prepare
from scalor.tracking.stored import number_of, scale_of
from scalor.tracking.tracker import Tracker


def table(results: list[FrameResult]) -> Tracks:
    return Tracks.from_rows([row for result in results for row in result.rows()], length=len(results))


def same(a: FrameResult, b: FrameResult) -> bool:
    names = ("ids", "box_tlwh", "score", "visibility")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names) and np.array_equal(
        a.masks.patch, b.masks.patch
    )


def numbers_in(struct: Struct) -> int:
    """How many numbers a struct holds in all."""
    sizes: list[int] = []
    struct.map(lambda tensor: sizes.append(tensor.numel()) or tensor)
    return sum(sizes)


def test_streaming_reports_what_the_whole_clip_at_once_reports(make_model, make_frames):
    model, frames = make_model(), make_frames(6, 48, 64)
    tracker = Tracker(model, min_visibility=0.0)
    streamed = table([tracker.observe(frame) for frame in frames])
    video = torch.from_numpy(frames).permute(0, 3, 1, 2).unsqueeze(0).float() / 255
    with torch.no_grad():
        (batch,) = rollout_tracks(observe(model, video, TRACKING), height=48, width=64)
    assert len(streamed) > 15 and len(np.unique(streamed.id)) > 5
    assert streamed.id.tolist() == batch.id.tolist() and streamed.frame.tolist() == batch.frame.tolist()
    assert np.allclose(streamed.box_tlwh, batch.box_tlwh, atol=1e-3)
    assert np.allclose(streamed.visibility, batch.visibility, atol=1e-4)


def test_two_trackers_of_one_model_do_not_touch(make_model, make_frames):
    model = make_model()
    left, right = make_frames(4, 48, 64, seed=1), make_frames(4, 40, 72, seed=2)
    alone = [[Tracker.observe(tracker, f) for f in frames] for tracker, frames in _pair(model, left, right)]
    (one, _), (two, _) = _pair(model, left, right)
    mixed = [(one.observe(a), two.observe(b)) for a, b in zip(left, right, strict=True)]
    for number, (a, b) in enumerate(mixed):
        assert same(a, alone[0][number]) and same(b, alone[1][number])


def _pair(model, left, right):
    return (Tracker(model), left), (Tracker(model), right)


def test_a_second_run_and_a_run_after_reset_give_the_same_numbers(make_model, make_frames):
    model, frames = make_model(), make_frames(4, 48, 64)
    tracker = Tracker(model)
    first = [tracker.observe(frame) for frame in frames]
    tracker.reset()
    torch.manual_seed(1)
    second = [tracker.observe(frame) for frame in frames]
    assert all(same(a, b) for a, b in zip(first, second, strict=True)) and len(first[-1]) > 0


@pytest.mark.parametrize("size", [(1, 1), (16, 17), (45, 61), (48, 64)])
@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_any_size_and_scale_gives_boxes_and_masks_inside_the_frame(make_model, make_frames, size, scale):
    height, width = size
    tracker = Tracker(make_model(), scale=scale, min_visibility=0.0)
    for frame in make_frames(3, height, width):
        result = tracker.observe(frame, pictures=True)
        left, top, right, bottom = result.box_xyxy.T
        assert (left >= 0).all() and (top >= 0).all() and (right > left).all() and (bottom > top).all()
        assert (right <= width + 1e-6).all() and (bottom <= height + 1e-6).all()
        assert result.masks.dense().shape == (len(result), height, width)
        assert result.pictures.reconstruction.shape == (tracker.view.rows, tracker.view.columns, 3)


def test_masks_lie_in_their_boxes_where_nothing_else_could_hold_them(make_model, make_frames):
    tracker = Tracker(make_model(), scale=0.5)
    for frame in make_frames(3, 96, 128):
        result = tracker.observe(frame)
    masks = result.masks.dense()
    assert masks.any(axis=(1, 2)).any()
    for mask, (left, top, right, bottom) in zip(masks, result.box_xyxy, strict=True):
        y, x = mask.nonzero()
        if len(y):
            # The box is found between glimpse pixels, the mask on network pixels of 2 source pixels.
            assert left - 3 <= x.min() and x.max() + 1 <= right + 3
            assert top - 3 <= y.min() and y.max() + 1 <= bottom + 3


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_rgba_frames_are_seen_as_their_rgb(make_model, make_frames, channels):
    model = make_model(channels=channels)
    grey = make_frames(2, 40, 40)[..., 0]
    rgb = grey[..., None].repeat(3, axis=-1)
    rgba = np.concatenate([rgb, np.full_like(grey[..., None], 7)], axis=-1)
    trackers = [Tracker(model) for _ in range(3)]
    for kinds in zip(grey, rgb, rgba, strict=True):
        results = [tracker.observe(frame) for tracker, frame in zip(trackers, kinds, strict=True)]
        assert len(results[0]) > 0 and same(results[0], results[1]) and same(results[1], results[2])


def test_a_frame_that_failed_is_counted_reports_nothing_and_ends_no_identity(make_model, make_frames):
    frames = make_frames(5, 48, 64)
    tracker = Tracker(make_model(), min_visibility=0.0)
    assert not tracker.observe(None).decoded and len(tracker.update(None)) == 0
    before = [tracker.observe(frame) for frame in frames[:3]][-1]
    gap = tracker.observe(None)
    after = tracker.observe(frames[3])
    assert len(gap) == 0 and not gap.decoded and gap.index == 5 and after.index == 6
    assert tracker.frames == 7 and tracker.failed == 3
    assert set(after.ids) & set(before.ids)
    assert all(new > before.ids.max() for new in set(after.ids) - set(before.ids))


def test_the_world_after_many_frames_is_as_small_as_its_objects(make_model, make_frames):
    frames = make_frames(20, 24, 32)
    tracker = Tracker(make_model())
    sizes = []
    for number in range(240):
        tracker.observe(frames[number % 20] if number % 7 else None)
        world = tracker.world
        if world is not None:
            per_object = numbers_in(world.slots) / max(world.slots.count, 1)
            sizes.append((world.slots.count, numbers_in(world) - per_object * world.slots.count))
            assert len(tracker.ages) == int(world.slots.alive.sum())
    counts, rest = zip(*sizes, strict=True)
    assert max(counts[120:]) <= max(counts[:120]) + 3 and len(set(rest)) == 1
    assert int(world.next_id) > max(counts)


def test_identities_are_never_used_again(make_model, make_frames):
    tracker = Tracker(make_model(), min_visibility=0.0)
    gone: set[int] = set()
    last: set[int] = set()
    for seed in range(12):
        now = set(tracker.observe(make_frames(1, 32, 32, seed=seed)[0]).ids.tolist())
        living = set(tracker.world.slots.id[0, tracker.world.slots.alive[0]].tolist())
        gone |= last - living
        last |= living
        assert not now & gone


def test_predicting_changes_nothing_and_is_what_the_world_does_without_frames(make_model, make_frames):
    frames = make_frames(4, 48, 64)
    tracker, other = Tracker(make_model(), min_visibility=0.0), Tracker(make_model(), min_visibility=0.0)
    for frame in frames[:3]:
        tracker.observe(frame), other.observe(frame)
    ahead = tracker.predict(3)
    assert [result.index for result in ahead] == [3, 4, 5] and len(ahead[0]) > 0
    assert set(ahead[-1].ids) <= set(ahead[0].ids)
    assert same(tracker.observe(frames[3]), other.observe(frames[3]))


def test_an_object_is_reported_once_it_has_lived_long_enough(make_model, make_frames):
    frames = make_frames(6, 48, 64)
    at_once, later = Tracker(make_model(), min_visibility=0.0), Tracker(make_model(), min_visibility=0.0, confirm=3)
    seen = [(set(at_once.observe(f).ids.tolist()), set(later.observe(f).ids.tolist())) for f in frames]
    assert not seen[0][1] and not seen[1][1] and seen[2][1]
    for number in range(2, 6):
        assert seen[number][1] <= seen[number - 2][0] | seen[number][0]
        assert not seen[number][1] & (seen[number][0] - seen[number - 1][0])


def test_thresholds_leave_out_and_change_nothing_else(make_model, make_frames):
    frames, every = make_frames(4, 48, 64), Tracker(make_model(), min_visibility=0.0)
    all_of_it = [every.observe(frame) for frame in frames]
    limit = float(np.median(all_of_it[-1].visibility))
    some = Tracker(make_model(), min_visibility=limit)
    for result, part in zip(all_of_it, [some.observe(frame) for frame in frames], strict=True):
        assert part.ids.tolist() == result.ids[result.visibility >= limit].tolist()
    assert 0 < len(part) < len(result)


def test_a_model_on_a_median_image_wants_one_and_takes_it_at_either_size(make_model, make_frames):
    model, frames = make_model(background="median"), make_frames(3, 40, 48)
    backdrop = np.median(frames, axis=0).astype(np.uint8)
    with pytest.raises(UserError, match="backdrop"):
        Tracker(model)
    with pytest.raises(UserError, match="48x40 px as the frames"):
        Tracker(model, backdrop=backdrop[:20]).observe(frames[0])
    one = Tracker(model, backdrop=backdrop)
    result = one.observe(frames[0], pictures=True)
    assert (result.pictures.background == backdrop).all()
    stored = {"backdrop": torch.from_numpy(backdrop).permute(2, 0, 1)}
    loaded = Loaded(model=model, card={"scale": 1.0}, extra=stored)
    assert same(Tracker(loaded).observe(frames[0]), result)


def test_loaded_weights_bring_their_scale(make_model):
    loaded = Loaded(model=make_model(), card={"scale": 0.25}, extra={})
    assert Tracker(loaded).scale == 0.25 and Tracker(loaded, scale=0.5).scale == 0.5
    for card in ({"scale": "big"}, {"scale": True}, {"smooth": [1]}):
        with pytest.raises(UserError, match="a number is wanted"):
            Tracker(Loaded(model=loaded.model, card=card, extra={}))


def test_a_video_that_was_learned_from_is_tracked_at_its_own_scale(make_model, make_frames, write_clip):
    footage = [{"name": "street", "scale": 0.5}, {"name": "pond", "scale": 0.75}]
    loaded = Loaded(model=make_model(), card={"scale": 0.5, "footage": footage}, extra={})
    clips = [open_video(write_clip(make_frames(2, 40, 48), name=name)) for name in ("street", "pond", "harbour")]
    assert [scale_of(loaded, clip) for clip in clips] == [0.5, 0.75, 0.5]


def test_videos_of_one_name_are_told_apart_by_their_contents(make_model, make_frames, write_clip, tmp_path):
    here, there = (open_video(write_clip(make_frames(2, 40, 48 + n), name=f"{n}/video")) for n in (0, 8))
    footage = [
        {"name": "video", "scale": scale, "fingerprint": clip.fingerprint}
        for scale, clip in ((0.5, here), (0.75, there))
    ]
    loaded = Loaded(model=make_model(), card={"scale": 0.25, "footage": footage}, extra={})
    other = open_video(write_clip(make_frames(3, 40, 48), name="2/video"))
    assert here.name == there.name == other.name == "video"
    assert [scale_of(loaded, clip) for clip in (here, there, other)] == [0.5, 0.75, 0.25]
    assert [number_of(loaded, clip) for clip in (here, there)] == [0, 1]
    for entry, clip in zip(footage, (here, there), strict=True):
        entry["fingerprint"] = former_fingerprint(clip.path)
    assert [scale_of(loaded, clip) for clip in (here, there, other)] == [0.5, 0.75, 0.25]


def test_a_frame_of_another_size_is_refused_and_changes_nothing(make_model, make_frames):
    tracker = Tracker(make_model())
    tracker.observe(make_frames(1, 40, 48)[0])
    world = tracker.world
    with pytest.raises(UserError, match="48x40"):
        tracker.observe(make_frames(1, 48, 40)[0])
    assert tracker.world is world


def test_asking_too_early_or_too_much_is_refused(make_model):
    with pytest.raises(UserError, match="before any frame"):
        Tracker(make_model()).predict(2)
    with pytest.raises(UserError, match="-1 steps came; 0 or more are wanted"):
        Tracker(make_model()).predict(-1)
    with pytest.raises(UserError, match="confirm"):
        Tracker(make_model(), confirm=0)
    for share in ({"min_visibility": 25}, {"min_score": -0.1}, {"min_score": float("nan")}):
        with pytest.raises(UserError, match="from 0 to 1"):
            Tracker(make_model(), **share)
    with pytest.raises(UserError, match="scale"):
        Tracker(make_model(), scale=2.0)


def test_tracking_leaves_the_model_and_the_random_state_as_they_were(make_model, make_frames):
    model = make_model().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(5)
    state = torch.get_rng_state()
    Tracker(model).update(make_frames(1, 40, 40)[0])
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert dataclasses.is_dataclass(model.config)


def test_a_model_of_several_backgrounds_paints_that_of_its_video(make_model, make_frames) -> None:
    model, frame = make_model(background="per_video"), make_frames(1, 32, 48)[0]
    shown = [Tracker(model, video=number).observe(frame, pictures=True) for number in (0, 1)]
    assert (shown[0].pictures.background != shown[1].pictures.background).any()
    with pytest.raises(UserError, match="the model knows 2"):
        Tracker(model, video=2)


def test_weights_are_named_or_refused(make_model, make_frames, write_run):
    run = write_run(make_model(), scale=0.5)
    for name in (run, str(run)):
        assert Tracker(name).scale == 0.5 and len(Tracker(name).observe(make_frames(1, 40, 48)[0])) >= 0
    for wrong in (None, 3, "", make_frames):
        with pytest.raises(UserError, match="weights"):
            Tracker(wrong)
    for wrong in (None, 3, ""):
        with pytest.raises(UserError, match="weights"):
            scalor.load(wrong)


def test_frames_much_larger_than_those_learned_from_are_worth_a_word(make_model, make_frames, write_clip):
    loaded = Loaded(model=make_model(), card={"data": "sprites-md"}, extra={})
    small, large = (open_video(write_clip(make_frames(1, side, side), name=str(side))) for side in (64, 200))
    assert prepare(loaded, small).doubt == ""
    assert "64x64" in prepare(loaded, large).doubt and "200x200" in prepare(loaded, large).doubt
    footage = {"footage": [{"name": "x", "scale": 0.5, "height": 32, "width": 32}], "scale": 0.5}
    assert "100x100" in prepare(Loaded(model=make_model(), card=footage, extra={}), large).doubt


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_a_blank_frame_is_skipped_like_one_that_could_not_be_decoded(level, scale, make_model, make_frames):
    frames = make_frames(6, 48, 64) // 4 + 60
    blank = np.full_like(frames[0], level)
    blank[::3] += np.uint8(level < 255)  # what compression leaves
    seen: list[list[FrameResult]] = []
    for missing in (blank, None):
        tracker = Tracker(make_model(), scale=scale, min_visibility=0.0)
        results = [tracker.observe(frame) for frame in (*frames[:3], missing, *frames[3:])]
        assert not results[3].decoded and len(results[3]) == 0 and len(results[-1]) > 0
        seen.append(results)
    assert all(same(a, b) for a, b in zip(*seen, strict=True))
    assert set(seen[0][4].ids) & set(seen[0][2].ids)


def test_a_recorded_video_is_followed_as_a_camera_is(make_model, make_frames):
    frames = list(make_frames(14, 48, 64) // 2 + 60)
    missing = [None, *frames[:5], None, np.full_like(frames[0], 255), *frames[5:], None]
    alone, together = (Tracker(make_model(), min_visibility=0.0) for _ in range(2))
    one, other = [alone.observe(frame) for frame in missing], list(together.observe_all(iter(missing)))
    assert sum(map(len, one)) > 10 and (together.frames, together.failed) == (len(missing), 4)
    for a, b in zip(one, other, strict=True):
        assert (a.index, a.decoded, a.ids.tolist()) == (b.index, b.decoded, b.ids.tolist())
        np.testing.assert_allclose(a.box_tlwh, b.box_tlwh, atol=1e-3)
        np.testing.assert_allclose(a.score, b.score, atol=1e-4)


def test_frames_that_share_a_buffer_are_told_apart(make_model, make_frames):
    frames, buffer = make_frames(9, 48, 64) // 2 + 60, np.zeros((48, 64, 3), np.uint8)

    def filled():
        for frame in frames:
            buffer[:] = frame
            yield buffer

    shared, own = (list(Tracker(make_model()).observe_all(each)) for each in (filled(), frames))
    assert all(same(a, b) for a, b in zip(shared, own, strict=True))


def test_an_empty_scene_is_no_blank_frame(make_model, make_frames):
    dark = np.zeros((48, 64, 3), dtype=np.uint8)
    with_object = dark.copy()
    with_object[10:20, 10:20] = 200
    tracker = Tracker(make_model())
    assert all(tracker.observe(frame).decoded for frame in (dark, with_object, dark, with_object[..., 0], dark))
    assert tracker.failed == 0


def test_a_buffer_that_a_camera_fills_again_is_not_kept(make_model, make_frames):
    frames = make_frames(3, 48, 64) // 2 + 60
    buffer = frames[0].copy()
    tracker = Tracker(make_model())
    tracker.observe(buffer)
    buffer[:] = 0
    assert not tracker.observe(buffer).decoded


def test_the_network_sees_a_frame_that_shook_and_darkened_in_the_backdrops_place_and_light(make_model, monkeypatch):
    rng = np.random.default_rng(0)
    wide = np.zeros((64, 80, 3))
    for side in (4, 8, 16):
        wide += rng.uniform(20, 60, (64 // side, 80 // side, 3)).repeat(side, 0).repeat(side, 1)
    empty = wide[8:56, 8:72].astype(np.uint8)
    model = make_model(background="median")
    seen: list[torch.Tensor] = []
    look = type(model).look
    monkeypatch.setattr(
        type(model), "look", lambda self, world, video: (seen.append(video), look(self, world, video))[1]
    )
    Tracker(model, backdrop=empty).observe((0.8 * wide[6:54, 11:75]).astype(np.uint8))
    image = (255 * seen[0][0, 0]).permute(1, 2, 0).numpy()
    assert np.abs(image[6:42, 6:58] - empty[6:42, 6:58]).mean() < 3.0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda tracker: pickle.loads(pickle.dumps(tracker))])
def test_a_copied_tracker_goes_on_as_the_first_does(copied, make_model, make_frames):
    tracker, frames = Tracker(make_model()), make_frames(4, 40, 48)
    for frame in frames[:2]:
        tracker.observe(frame)
    other = copied(tracker)
    assert all(same(other.observe(frame), tracker.observe(frame)) for frame in frames[2:])
