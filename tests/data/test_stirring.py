"""Laws of what stays but stirs: it is no part of the empty scene; what never moves is, and so is what is textured."""

import cv2
import numpy as np
import pytest

from scalor.data.backdrop import empty_scene, softened
from scalor.data.footage import load_reel
from scalor.data.objects import estimate_objects
from scalor.data.stirring import mask_of, outlines_of, scaled, stirring

H, W = 120, 160


def disc(at: tuple[float, float], radius: float) -> np.ndarray:
    """A disc with an edge as sharp as pixels show it, 0..1, [H, W, 1]."""
    y, x = np.mgrid[:H, :W]
    return np.clip(radius + 0.5 - np.hypot(y - at[0], x - at[1]), 0.0, 1.0)[..., None]


def smooth_ground() -> np.ndarray:
    return (30.0 + 0.1 * np.mgrid[:H, :W][1])[..., None] * np.ones(3)


def filmed(scenes: list[np.ndarray], noise: float = 1.5) -> np.ndarray:
    rng = np.random.default_rng(1)
    noisy = [scene + noise * rng.standard_normal(scene.shape) for scene in scenes]
    return np.stack([np.clip(scene, 0, 255) for scene in noisy]).round().astype(np.uint8)


PLACES = [(30, 40), (30, 110), (80, 60), (85, 130)]


def cells(jitter: float, *, frames: int = 20, level: float = 90.0, ground: np.ndarray | None = None) -> np.ndarray:
    """Four discs that jitter independently by a normal deviate of ``jitter`` pixels."""
    rng = np.random.default_rng(2)
    scenes = []
    for _ in range(frames):
        scene = (smooth_ground() if ground is None else ground).copy()
        for place in PLACES:
            part = disc(tuple(place + jitter * rng.standard_normal(2)), 9.0)
            scene = scene * (1 - part) + (scene + level) * part
        scenes.append(scene)
    return filmed(scenes)


def off(image: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(image - truth).max())


@pytest.mark.parametrize("frames", [10, 20, 90])
@pytest.mark.parametrize("level", [90.0, 25.0])
def test_discs_that_jitter_by_half_a_pixel_are_objects(frames: int, level: float) -> None:
    video = cells(0.5, frames=frames, level=level)
    scene = empty_scene(video)
    assert off(scene.image, smooth_ground()) < 8
    stats = estimate_objects(video, scene.image, noise=scene.noise)
    assert stats.count == len(PLACES)
    assert stats.height_px == pytest.approx(19, abs=2)


def test_dark_discs_are_objects_as_bright_ones_are() -> None:
    video = cells(0.5, level=-60.0, ground=smooth_ground() + 80)
    assert off(empty_scene(video).image, smooth_ground() + 80) < 8


def test_discs_that_never_move_are_furniture() -> None:
    video = cells(0.0)
    soft = np.stack([softened(frame) for frame in video])
    assert not stirring(soft, video[0]).any()
    assert empty_scene(video).stirs is None


@pytest.mark.parametrize(("radius", "alpha"), [(9.0, 1.0), (12.0, 1.0), (12.0, 0.65)])
def test_a_picture_on_a_wall_before_which_something_passes_is_furniture(radius: float, alpha: float) -> None:
    """What passes has the wall's colour, or lets some of the picture through: beside it hardly anything changes."""
    rng, wall = np.random.default_rng(0), smooth_ground() + 150
    picture = wall.copy()
    picture[30:66, 50:90] = (70, 140, 150)
    scenes = []
    for _ in range(60):
        head = disc((64.0, rng.uniform(55, 85)), radius) * alpha * float(rng.random() < 0.4)
        scenes.append(picture * (1 - head) + (wall - 8) * head)
    soft = np.stack([softened(frame) for frame in filmed(scenes)])
    assert not stirring(soft, picture.round().astype(np.uint8)).any()


def test_a_camera_that_shakes_moves_nothing() -> None:
    """Many marks on a smooth ground move together with a textured wall: nothing has motion of its own."""
    rng = np.random.default_rng(3)
    wall = cv2.GaussianBlur(rng.normal(0, 60, (H, W)), (0, 0), 2.0)[..., None] * (np.mgrid[:H, :W][0] > 55)[..., None]
    scene = smooth_ground() + 4 * wall
    for place in [(25, 30), (25, 80), (25, 130)]:
        scene += 90 * disc(place, 9.0)
    frames = []
    for _ in range(20):
        x, y = 0.35 * rng.standard_normal(2)
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
        frames.append(cv2.warpAffine(scene, matrix, (W, H), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    video = filmed(frames)
    assert not stirring(np.stack([softened(frame) for frame in video]), np.median(video, axis=0).astype(np.uint8)).any()


def textured_street() -> np.ndarray:
    rng = np.random.default_rng(4)
    road = cv2.GaussianBlur(rng.normal(0, 120, (H, W)), (0, 0), 2.0)[..., None]
    scene = 110 + road * np.ones(3)
    for left in (20, 60, 120):  # parked
        scene[70:90, left : left + 26] = (40, 40, 160)
    return scene


def test_parked_cars_stay_in_the_scene_while_others_pass() -> None:
    scenes = []
    for t in range(60):
        scene = textured_street()
        scene[20:36, 3 * t - 20 if t > 6 else 0 : max(0, 3 * t)] = 220
        scenes.append(scene)
    scene = empty_scene(filmed(scenes))
    assert scene.stirs is None
    assert np.mean(np.abs(scene.image - textured_street()).max(axis=2) > 20) < 0.005


def test_where_one_departs_no_ghost_is_left() -> None:
    """Three jitter; one of them leaves after two thirds of the film."""
    rng, scenes = np.random.default_rng(5), []
    for t in range(60):
        scene = smooth_ground()
        for number, place in enumerate(PLACES[:3]):
            if number or t < 40:
                scene = scene + 90 * disc(tuple(place + 0.5 * rng.standard_normal(2)), 9.0)
        scenes.append(scene)
    assert off(empty_scene(filmed(scenes)).image, smooth_ground()) < 10


def test_places_are_the_same_in_frames_of_another_size() -> None:
    mask = disc((40, 60), 12.0)[..., 0] > 0.5
    small = mask_of(scaled(outlines_of(mask), 0.5, 0.5), (H // 2, W // 2))
    whole = cv2.resize(mask.astype(np.float32), (W // 2, H // 2), interpolation=cv2.INTER_AREA) > 0
    assert small[whole].all()
    assert small.sum() < 1.6 * whole.sum()
    assert not mask_of((), (H, W)).any() and outlines_of(None) == ()


def test_a_reel_paints_over_what_the_survey_has_found(folder_of) -> None:
    video = cells(0.0)
    known = outlines_of(empty_scene(cells(0.5)).stirs)
    assert off(load_reel(folder_of(video), most_bytes=10**9, stirs=()).background, smooth_ground()) > 80
    assert off(load_reel(folder_of(video), most_bytes=10**9, stirs=known).background, smooth_ground()) < 10


@pytest.fixture
def folder_of(tmp_path):
    """Frames as a source of pictures in a folder."""
    from scalor.data.video import open_video

    def made(video: np.ndarray):
        for number, frame in enumerate(video):
            cv2.imwrite(str(tmp_path / f"{number:03d}.png"), frame[..., ::-1])
        return open_video(tmp_path)

    return made


def two_bottles() -> tuple[list[np.ndarray], np.ndarray]:
    """Two blue bottles that are away for a while, in which the light of the whole room rises a little."""
    ground = smooth_ground() + 60
    ground[90:] += 40
    scenes = []
    for t in range(60):
        away = 20 <= t < 32
        scene = ground + (14.0 if away else 0.0) * np.linspace(0.3, 1.0, W)[None, :, None]
        if not away:
            scene[40:100, 30:46] = (20, 50, 160)
        if not away:
            scene[40:100, 100:116] = (20, 50, 160)
        scenes.append(scene)
    return scenes, ground


def test_things_that_a_change_of_light_joins_leave_the_scene_one_by_one() -> None:
    scenes, ground = two_bottles()
    image = empty_scene(filmed(scenes)).image.astype(float)
    wrong = np.abs(image - ground).max(axis=2) > 20
    assert wrong[45:95, 32:44].mean() < 0.05
    assert wrong[45:95, 102:114].mean() < 0.05
