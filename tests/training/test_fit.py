"""Learning from the user's videos: what is estimated, what can be overridden, what is kept for tracking."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from scalor import pretrained
from scalor.configs.presets import fast_video, tiny
from scalor.data.footage import Footage, ObjectStats
from scalor.data.region import inside_of
from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.models.scalor import Scalor
from scalor.tracking.setup import described, prepare
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.crop_balance import balanced
from scalor.training.fit import _planned, fit, footage_settings
from scalor.training.footage_checks import named_once
from scalor.training.foreground_blobs import blobs_of
from scalor.training.object_sizes import Sizes, elongation, typical_sizes
from scalor.training.preset import Preset

SMALL = {
    "train.batch": "2",
    "train.lengths": "[[0, 2]]",
    "data.crop": "32",
    "model.glimpse.side": "8",
    "model.encoder.widths": "8",
    "model.encoder.memory": "8",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 frames of 96 x 64 px: two bright blocks, 12 px high and 8 px wide, walk over a gradient."""
    folder = tmp_path_factory.mktemp("video")
    ground = np.repeat(np.linspace(40, 90, 96, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    for time in range(24):
        frame = ground.copy()
        frame[10:22, 4 + 3 * time : 12 + 3 * time] = (230, 40, 40)
        frame[40:52, 84 - 3 * time : 92 - 3 * time] = (40, 230, 40)
        Image.fromarray(frame).save(folder / f"{time:03d}.png")
    return folder


def test_sizes_background_and_scale_are_found_and_kept(video: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    asked: list[Sizes] = []

    def preset(sizes: Sizes) -> Preset:
        asked.append(sizes)
        return fast_video(sizes)

    fit(video, tmp_path / "run", preset=preset, steps=2, overrides=SMALL, device="cpu")
    said = capsys.readouterr().err
    assert "px high" in said and "scale 1.000" in said
    assert 10 <= asked[0].height <= 15 and 6 <= asked[0].width <= 11
    loaded = pretrained.load_all(tmp_path / "run")
    assert loaded.card["scale"] == 1.0 and loaded.card["kind"] == "fit"
    backdrop = loaded.extra["backdrop"]
    assert backdrop.shape == (3, 64, 96) and backdrop.dtype == torch.uint8
    assert backdrop.max() < 120  # nobody stands in the median image


def test_every_video_has_a_background_of_its_own(video: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(video, again)
    overrides = SMALL | {"model.background.family": "per_video", "model.background.shade": "false"}
    overrides |= {"model.render.stand_out_sigma": "inf", "model.discover.evidence": "0"}
    fit([video, again], tmp_path / "run", preset=fast_video, steps=2, overrides=overrides, device="cpu", quiet=True)
    loaded = pretrained.load_all(tmp_path / "run")
    assert loaded.model.config.background.videos == 2
    assert prepare(loaded, open_video(video)).tracker.video == 0
    assert prepare(loaded, open_video(again)).tracker.video == 1


def test_a_resumed_fit_goes_on_with_its_own_videos_and_scale(video: Path, tmp_path: Path) -> None:
    overrides = SMALL | {"data.scale": "0.5", "model.discover.presence_bias": "1"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(video, whole, preset=fast_video, steps=4, overrides=overrides, device="cpu", quiet=True)
    fit(video, parts, preset=fast_video, steps=4, overrides=overrides, device="cpu", quiet=True)
    assert RunFolder(parts).plan().scales == (0.5,)
    fit(video, parts, preset=fast_video, steps=6, resume=True, device="cpu", quiet=True)
    assert pretrained.card(parts)["steps"] == 6 and pretrained.card(whole)["steps"] == 4
    with pytest.raises(UserError, match="train.batch = 2 and 3 came"):
        fit(video, parts, preset=fast_video, resume=True, overrides={"train.batch": "3"}, quiet=True)
    fit(video, parts, preset=fast_video, steps=6, resume=True, overrides=overrides, device="cpu", quiet=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"overrides": {"data.scale": "0.5"}}, r"data\.scale = 1\.0 and 0\.5 came"),
        ({"overrides": {"data.crop": "48"}}, r"data\.crop = 32 and 48 came"),
        ({"overrides": {"data.motion_share": "0.1"}}, r"data\.motion_share = 0\.8 and 0\.1 came"),
        ({"overrides": {"data.memory_gb": "2"}}, r"data\.memory_gb = 1\.0 and 2 came"),
        ({"overrides": {"particles": "3"}}, "particles = 2 and 3 came"),
        ({"start": "sprites-md"}, "started from nothing and sprites-md came"),
        ({"preset": tiny()}, "the run is of fast-video and tiny came"),
    ],
)
def test_a_resumed_fit_ignores_nothing_that_it_is_asked_for(
    crowd: Path, video: Path, asked: dict[str, Any], said: str
) -> None:
    """What a resumed run cannot do is refused, instead of going on as before without a word."""
    with pytest.raises(UserError, match=said):
        fit(video, crowd, resume=True, quiet=True, **({"preset": fast_video} | asked))


@pytest.fixture(scope="module")
def crowd(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which clips are crowded and covered, and drawn twice each."""
    given = SMALL | {"particles": "2", "train.covers": "1", "train.crowded": "1"}
    out = tmp_path_factory.mktemp("crowd") / "run"
    return fit(video, out, preset=fast_video, steps=1, overrides=given, device="cpu", quiet=True)


def test_a_given_object_height_decides_scale_and_boxes(video: Path, tmp_path: Path) -> None:
    asked: list[Sizes] = []

    def preset(sizes: Sizes) -> Preset:
        asked.append(sizes)
        raise UserError("enough")

    for given in ({"data.object_height": "10"}, {"data.object_height": "10", "data.object_width": "7"}):
        with pytest.raises(UserError, match="enough"):
            fit([video], tmp_path / "run", preset=preset, overrides=given, quiet=True)
    assert asked[0].height == pytest.approx(10) and asked[1].width == pytest.approx(7)
    assert not (tmp_path / "run").exists()


def test_of_a_video_of_one_frame_it_is_said_that_it_has_one(tmp_path: Path) -> None:
    single = tmp_path / "single"
    single.mkdir()
    Image.fromarray(np.full((64, 96, 3), 90, np.uint8)).save(single / "0.png")
    with pytest.raises(UserError, match="there is one frame in single, .* at least two is wanted"):
        fit(single, tmp_path / "run", preset=fast_video, quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"data.object_heigth": "40"}, r"did you mean data\.object_height\?"),
        ({"data.scale": "2"}, "at most 1"),
        ({"data.object_height": "-3"}, "above 0"),
        ({"data.object_height": "4000"}, "does not fit into"),
        ({"model.channels": "1"}, "footage has 3 channels"),
        ({"data": "sprites-md"}, "fit learns from its videos alone"),
    ],
)
def test_wrong_settings_are_refused(video: Path, tmp_path: Path, overrides: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        fit(video, tmp_path / "run", preset=fast_video, overrides=overrides, quiet=True)


def test_a_missing_or_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        fit(tmp_path / "none.avi", tmp_path / "run", preset=fast_video, quiet=True)
    with pytest.raises(UserError, match="no video was given"):
        fit([], tmp_path / "run", preset=fast_video, quiet=True)


def saved(folder: Path, number: int, *, name: str) -> Path:
    """A folder of 24 frames, all alike (0) or from a camera that moves on by ``number`` px per frame."""
    rng = np.random.default_rng(0)
    wide = np.zeros((64, 96 + 24 * 6, 3))
    for side in (4, 8, 16):
        wide += rng.uniform(20, 70, (64 // side, wide.shape[1] // side, 3)).repeat(side, 0).repeat(side, 1)
    (folder / name).mkdir()
    for time in range(24):
        Image.fromarray(wide[:, number * time : number * time + 96].astype(np.uint8)).save(
            folder / name / f"{time}.png"
        )
    return folder / name


def test_a_video_in_which_nothing_moves_is_refused_in_a_sentence_and_leaves_no_folder(tmp_path: Path) -> None:
    still = saved(tmp_path, 0, name="still")
    with pytest.raises(UserError, match="nothing moves in still; objects that move are wanted"):
        fit(still, tmp_path / "run", preset=fast_video, quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_given_size_is_enough_where_nothing_was_noticed(tmp_path: Path) -> None:
    still = saved(tmp_path, 0, name="still")
    size = {"data.object_height": "12", "data.object_width": "12"}
    fit(still, tmp_path / "run", preset=fast_video, quiet=True, overrides=size | SMALL, steps=1, device="cpu")
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert {"loss", "mse"} <= set(card["training"])  # they are numbers


def test_a_run_may_lie_in_a_folder_beside_the_frames_but_not_among_them(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is the folder of a video; another is wanted for the run"):
        fit(video, video, preset=fast_video, quiet=True)
    frames = tmp_path / "frames"
    shutil.copytree(video, frames)
    fit(frames, frames / "run", preset=fast_video, quiet=True, overrides=SMALL, steps=1, device="cpu")
    fit(frames, frames / "run", preset=fast_video, quiet=True, steps=2, resume=True, device="cpu")
    assert pretrained.card(frames / "run")["steps"] == 2


def test_a_run_does_not_lie_in_a_folder_of_tracks(video: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks" / "summary.json").write_text("{}")
    with pytest.raises(UserError, match="another command"):
        fit(video, tmp_path / "tracks", preset=fast_video, quiet=True, steps=1)
    assert [path.name for path in (tmp_path / "tracks").iterdir()] == ["summary.json"]


def test_a_camera_that_pans_is_refused_unless_the_background_is_learned(tmp_path: Path) -> None:
    pan = saved(tmp_path, 5, name="pan")
    with pytest.raises(UserError, match=r"the camera of pan moves on .* model\.background\.family=lattice"):
        fit(pan, tmp_path / "run", preset=fast_video, quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_short_training_says_so_and_names_the_command_that_goes_on(video: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    fit(video, tmp_path / "run", preset=fast_video, steps=3, overrides=SMALL, device="cpu")
    said = capsys.readouterr().err
    assert "reached: 3 steps, 6 examples" in said and "too few steps" in said
    assert f"scalor fit {video} -o {tmp_path / 'run'} --resume --steps 2000" in said


def test_without_a_length_the_presets_steps_are_planned_and_with_minutes_they_are_not(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []

    def noted(plan: Plan, folder: RunFolder, *_: object) -> Path:
        plans.append(plan)
        return folder.path

    monkeypatch.setattr("scalor.training.fit.run", noted)
    monkeypatch.setattr("scalor.training.fit.reached", lambda plan, folder: "")
    fit(video, tmp_path / "a", preset=fast_video, quiet=True)
    fit(video, tmp_path / "b", preset=fast_video, quiet=True, minutes=2.0)
    assert [(plan.steps, plan.minutes) for plan in plans] == [(2000, None), (None, 2.0)]


@pytest.mark.parametrize("horizon", [None, 10.0])
def test_scale_and_shapes_are_planned_anew_where_there_is_a_perspective_and_nowhere_else(
    horizon: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cars and lorries come down the view, and grow where there is a horizon; the survey takes them for what turns."""
    (tmp_path / "video").mkdir()
    ground = np.random.default_rng(0).normal(110, 4, (160, 200, 3))
    for time in range(120):
        frame = ground.copy()
        for number in range(-8, 16):
            foot, left = 24.0 + 2.5 * (time - 9 * number), 20 + 50 * (number % 3)
            side = 14.0 if horizon is None else 0.25 * (foot - horizon)
            tall = side * (1.5 if number % 4 == 0 else 0.7)
            if foot > 24:
                frame[round(foot - tall) : round(foot), left : round(left + side)] = (230, 60, 40)
        Image.fromarray(frame.clip(0, 255).astype(np.uint8)).save(tmp_path / "video" / f"{time:03d}.png")
    plans: list[Plan] = []
    planned: list[float | None] = []

    def counted(*args: Any) -> Plan:
        planned.extend(args[4:] or [None])
        return _planned(*args)

    monkeypatch.setattr("scalor.training.fit._planned", counted)
    monkeypatch.setattr("scalor.training.fit.run", lambda plan, folder, *_: plans.append(plan))
    monkeypatch.setattr("scalor.training.fit.reached", lambda plan, folder: "")
    fit(tmp_path / "video", tmp_path / "run", preset=fast_video, quiet=True)
    where, discover = plans[0].preset.scalor.where, plans[0].preset.scalor.discover
    if horizon is None:
        assert planned == [None] and where.tilt == 0.0 and balanced(Footage(()), plans[0].usual) == Footage(())
    else:
        assert len(planned) == 2 and planned[1] == pytest.approx(0.25 * 30 * 0.9, rel=0.4)
        assert where.tilt > 0 and where.ratio_range <= 0.5 and discover.twin_box == 0.35


@pytest.mark.parametrize(("longer", "cell", "side"), [(6.0, 4, 8), (12.0, 4, 16), (16.0, 8, 16), (32.0, 8, 24)])
def test_small_objects_have_small_cells_and_glimpses(longer: float, cell: int, side: int) -> None:
    made = fast_video(Sizes(height=longer, width=longer / 2, spread=0.3, motion=3.0, noise=0.01))
    assert (made.model.cell, made.model.glimpse.side) == (cell, side)
    Scalor(made.model)


def test_perspective_widens_the_range_of_box_sizes() -> None:
    near, far = (
        fast_video(Sizes(height=20.0, width=10.0, spread=0.3, motion=3.0, noise=0.01, growth=growth)).model.where
        for growth in (1.0, 5.0)
    )
    assert near.size_range <= 0.6 < 0.5 * np.log(5) < far.size_range


@pytest.mark.parametrize("box", [(7, 28), (28, 7), (21, 21)])
def test_a_long_thing_that_turns_is_one_object_from_every_side(box: tuple[int, int]) -> None:
    sizes = Sizes(height=20.0, width=20.0, spread=0.6, motion=3.0, noise=0.01, turns=True, elongation=4.0)
    mask = np.zeros((64, 64), bool)
    mask[16 : 16 + box[1], 16 : 16 + box[0]] = True
    assert len(blobs_of(mask, fast_video(sizes).model.where).single) == 1


@pytest.mark.parametrize(("motion", "hurry"), [(3.0, 0.0), (8.0, 0.25)])
def test_only_what_darts_is_learned_at_twice_the_speed(motion: float, hurry: float) -> None:
    made = fast_video(Sizes(height=20.0, width=24.0, spread=0.3, motion=motion, noise=0.01))
    assert made.recipe.hurry == hurry


@pytest.mark.parametrize(("motion", "put_aside"), [(1.0, True), (3.0, False)])
def test_only_of_what_creeps_boxes_beside_others_are_put_aside(motion: float, put_aside: bool) -> None:
    made = fast_video(Sizes(height=20.0, width=24.0, spread=0.3, motion=motion, noise=0.01))
    assert made.recipe.jitter > 0 and (made.recipe.jitter_beside > 0) == put_aside


def test_a_video_that_is_named_twice_counts_once() -> None:
    said: list[str] = []
    videos = ["a.mp4", Path("b.mp4"), "./a.mp4", Path.cwd() / "b.mp4"]
    assert named_once(videos, said.append) == ["a.mp4", Path("b.mp4")]
    assert len(said) == 2 and "a.mp4 is given twice" in said[0]


def test_how_long_things_that_turn_are_is_measured() -> None:
    fish = dataclasses.replace(stats(40, 36, 0.9), shape_range=(1 / 4, 4))
    assert elongation(fish) == pytest.approx(4.0)
    person = dataclasses.replace(stats(40, 15, 0.9), shape_range=(1.8, 3))
    assert elongation(person) == 1.0
    near_and_far = dataclasses.replace(stats(20, 24, 0.9), shape_range=(0.7, 0.9), height_range=(8, 80))
    assert elongation(near_and_far) == 1.0, "sizes vary, shapes do not"


def test_the_noise_of_every_pixel_is_kept_with_the_weights(video: Path, tmp_path: Path) -> None:
    fit(video, tmp_path / "run", preset=fast_video, steps=2, overrides=SMALL, device="cpu", quiet=True)
    extra = pretrained.load_all(tmp_path / "run").extra
    assert extra["noise"].shape == extra["backdrop"].shape[1:] == (64, 96)
    assert extra["noise"].dtype == torch.float32 and 0 <= extra["noise"].max() < 0.2


def stats(height: float, width: float, confidence: float) -> ObjectStats:
    return ObjectStats(
        height_px=height,
        width_px=width,
        height_range=(height / 2, height * 2),
        aspect=width / height,
        speed_px=(1.0, 4.0),
        count=3.0,
        contrast=0.4,
        noise=0.01,
        confidence=confidence,
        frame_size=(240, 320),
    )


def test_what_covers_the_view_for_a_moment_is_left_out_in_learning_and_in_tracking(tmp_path: Path) -> None:
    folder, covered = tmp_path / "video", range(30, 34)
    folder.mkdir()
    ground = np.repeat(np.linspace(40, 90, 96, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    for time in range(64):
        frame = ground.copy()
        frame[10:22, (4 + 3 * time) % 80 :][:, :8] = (230, 40, 40)
        if time in covered:
            frame[:, :50] = 200
        Image.fromarray(frame).save(folder / f"{time:03d}.png")
    fit(folder, tmp_path / "run", preset=fast_video, steps=2, overrides=SMALL, device="cpu", quiet=True)
    tracker = prepare(tmp_path / "run", open_video(folder)).tracker
    seen = [tracker.observe(frame.image).decoded for frame in open_video(folder)]
    assert [time for time, decoded in enumerate(seen) if not decoded] == list(covered)
    assert tracker.covered == len(covered)


def test_videos_are_weighted_by_how_sure_their_survey_is_at_their_scale() -> None:
    sizes = typical_sizes([stats(40, 20, 0.9), stats(10, 30, 0.0)], [0.5, 1.0])
    assert sizes.height == pytest.approx(20, rel=0.01) and sizes.width == pytest.approx(10, rel=0.03)
    assert sizes.spread == pytest.approx(np.log(4) / 2) and sizes.motion == 4.0


def test_where_to_look_is_kept_with_the_run_and_its_weights(video: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"preset": fast_video, "overrides": SMALL, "device": "cpu", "quiet": True}
    fit(video, tmp_path / "run", steps=1, region=["0,0,96,32"], **how)
    region = RunFolder(tmp_path / "run").plan().region
    assert inside_of(region, (64, 96)).nonzero()[0].max() == 31
    tracker = prepare(tmp_path / "run", open_video(video)).tracker
    tracker.observe(next(iter(open_video(video))).image)
    assert described(pretrained.load_all(tmp_path / "run"), "run")["region"] == list(map(list, region))
    assert tracker._outside is not None and tracker._outside[-1].all() and not tracker._outside[0].any()
    fit(video, tmp_path / "on", steps=1, start=tmp_path / "run", **how)
    assert RunFolder(tmp_path / "on").plan().region == region
    how.pop("overrides")
    fit(video, tmp_path / "run", steps=2, resume=True, **how)
    with pytest.raises(UserError, match="is not the run's"):
        fit(video, tmp_path / "run", steps=3, resume=True, region=["0,0,96,40"], **how)
    with pytest.raises(UserError, match="knows no empty scene"):
        learned = SMALL | {"model.background.family": "encoder"}
        fit(video, tmp_path / "new", steps=1, region=["0,0,96,32"], **how, overrides=learned)
    assert not (tmp_path / "new").exists()


def test_settings_under_data_are_parted_from_the_models() -> None:
    settings, rest = footage_settings({"data.crop": "64", "model.cell": "4"})
    assert settings.crop == 64 and settings.scale is None and rest == {"model.cell": "4"}
