"""A tracker sees frames as its weights were learned: the scene, the light, the scale and the smoothing are theirs."""

import numpy as np
import pytest
import torch

from scalor.data.region import inside_of, region_of
from scalor.pretrained import Loaded
from scalor.tracking.tracker import Tracker


def patterned(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """An empty scene with edges of all sizes, uint8 [height, width, 3]."""
    rng, image = np.random.default_rng(seed), np.zeros((height, width, 3))
    for side in (4, 8, 16):
        image += rng.uniform(20, 70, (height // side, width // side, 3)).repeat(side, 0).repeat(side, 1)
    return image.astype(np.uint8)


@pytest.mark.parametrize("first", [True, False])
def test_what_shows_nothing_of_the_scene_is_left_out_as_in_learning(first, make_model, make_frames):
    scene, rng = patterned(0), np.random.default_rng(1)
    dark = [np.zeros_like(scene), rng.integers(0, 6, scene.shape).astype(np.uint8)]
    tracker = Tracker(make_model(background="median"), backdrop=scene, min_visibility=0.0)
    if not first:
        assert tracker.observe(scene).decoded
    results = [tracker.observe(frame) for frame in dark]
    assert not any(result.decoded or len(result) for result in results)
    assert tracker.observe(scene).decoded and tracker.failed == 2


def test_of_the_stored_scenes_the_one_that_the_first_frame_shows_is_taken(make_model):
    scenes = [patterned(seed) for seed in (0, 1)]
    planes = [torch.from_numpy(scene).permute(2, 0, 1) for scene in scenes]
    extra = {"backdrop": planes[0], "backdrop.1": planes[1], "noise.1": torch.full((48, 64), 0.25)}
    loaded = Loaded(model=make_model(background="median"), card={"scale": 1.0}, extra=extra)
    for number, scene in enumerate(scenes):
        tracker, frame = Tracker(loaded), scene.copy()
        frame[8:24, 8:24] = 255
        assert (tracker.observe(frame, pictures=True).pictures.background == scene).all()
        assert (tracker._noise is not None) == (number == 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_frames_and_scenes_are_brought_into_place_and_light_as_their_rgb(channels, make_model):
    model, wide = make_model(background="median", channels=channels), patterned(0, 64, 80)[..., 0]
    scene, frame = wide[8:56, 8:72], (0.8 * wide[6:54, 11:75]).astype(np.uint8)
    rgb = [image[..., None].repeat(3, axis=-1) for image in (scene, frame)]
    (grey, moved), (color, same_move) = (
        Tracker(model, backdrop=one)._picture(other) for one, other in ((scene, frame), rgb)
    )
    assert torch.equal(grey, color) and moved == same_move and abs(moved[0]) > 2
    assert float((255 * grey[0, 0, 6:42, 6:58] - torch.from_numpy(scene)[6:42, 6:58]).abs().mean()) < 3.0


def test_a_median_image_of_the_frames_size_is_smoothed_as_frames_are(make_model):
    scene = patterned(0, 96, 128)
    loaded = Loaded(model=make_model(background="median"), card={"scale": 0.5, "smooth": 1.5}, extra={})
    tracker = Tracker(loaded, backdrop=scene)
    shown = tracker.observe(scene, pictures=True).pictures.background
    assert np.array_equal(shown, tracker.seen(tracker.view, scene))
    small = tracker.view.shrunk(scene)
    assert (Tracker(loaded, backdrop=small).observe(scene, pictures=True).pictures.background == small).all()


def test_a_video_by_its_number_is_seen_at_its_own_scale(make_model):
    footage = [{"name": "street", "scale": 0.5}, {"name": "pond", "scale": 0.75}]
    card = {"scale": 0.75, "footage": footage}
    loaded = Loaded(model=make_model(background="per_video"), card=card, extra={})
    assert [Tracker(loaded, video=number).scale for number in (0, 1)] == [0.5, 0.75]


def test_while_something_covers_the_view_nothing_is_reported_and_nobody_forgotten(make_model):
    scene = patterned(0)
    frames = np.repeat(scene[None], 7, axis=0)
    for number, frame in enumerate(frames):
        frame[8:24, 8 + number : 24 + number] = 255
    loaded = Loaded(
        model=make_model(background="median"),
        card={"scale": 1.0, "footage": [{"scale": 1.0, "backdrop": "backdrop", "cover": [40.0, 0.5]}]},
        extra={"backdrop": torch.from_numpy(scene).permute(2, 0, 1)},
    )
    covered = frames[5].copy()
    covered[:, :40] = 255 - covered[:, :40]
    tracker = Tracker(loaded, min_visibility=0.0)
    for frame in frames[:5]:
        assert tracker.observe(frame).decoded
    before = set(tracker.world.slots.id[tracker.world.slots.alive].tolist())
    for _ in range(3):
        result = tracker.observe(covered)
        assert not result.decoded and len(result) == 0
    assert tracker.covered == 3 and before
    assert before & set(tracker.world.slots.id[tracker.world.slots.alive].tolist())
    assert tracker.observe(frames[6]).decoded
    tracker.reset()
    assert tracker.covered == 0


def test_a_scene_given_by_hand_knows_of_no_cover(make_model):
    scene = patterned(0)
    tracker = Tracker(make_model(background="median"), backdrop=scene)
    assert tracker.observe(scene).decoded and tracker.observe(255 - scene).decoded


def test_outside_the_region_of_the_weights_the_scene_is_empty_and_the_users_frame_stays(make_model):
    scene = patterned(0)
    frame = scene.copy()
    frame[4:12, 4:12] = frame[30:40, 40:50] = 255
    given = frame.copy()
    card = {"scale": 1.0, "region": [list(each) for each in region_of("32,24,64,48", scene.shape[:2])]}
    tracker = Tracker(Loaded(model=make_model(background="median"), card=card, extra={}), backdrop=scene)
    seen, _ = tracker._picture(frame)
    shown = (255 * seen[0, :, :48, :64]).round().byte().permute(1, 2, 0).numpy()
    outside = ~inside_of(region_of(["32,24,64,48"], (48, 64)), (48, 64))
    assert (frame == given).all() and (shown[outside] == scene[outside]).all()
    assert (shown[30:40, 40:50] == 255).all()
