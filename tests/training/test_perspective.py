"""How things grow on their way tells the perspective; what it tells decides how large boxes are where."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.configs.presets import fast_video
from scalor.core.geometry import FARTHEST, WhereConfig, decode_size, decode_step
from scalor.core.types import Knobs, Scenery
from scalor.data.footage import ObjectStats
from scalor.models.build import build
from scalor.models.guides import expected_center
from scalor.rollout import generate
from scalor.training import box_survey, usual_box
from scalor.training.box_prior import fitted_where, with_fitted_prior
from scalor.training.checkpoint import Plan, RunFolder
from scalor.training.components import Components
from scalor.training.foreground_blobs import ROOM, blobs_of
from scalor.training.object_sizes import FAR_PX, FINER, TARGET_PX, TURNING_PX, scale_for, typical_sizes
from scalor.training.perspective import Perspective, perspective_of

HEIGHT, WIDTH = 160, 200
TILT = replace(WhereConfig(), size=12.0, scale="log", tilt=0.02, level=60.0, nearest=2.5)


def drive(
    *, horizon: float, groups: bool = False, count: int = 12, frames: int = 25, pace: float = 0.0
) -> list[list[Components]]:
    """Runs of frames in which things come down the view; ``groups``: those far away are two or three side by side.

    They move by two pixels per frame, or by ``pace`` times the way from the horizon.
    """
    rng = np.random.default_rng(0)
    runs = []
    for number in range(count):
        start = rng.uniform(30, 80)
        left, run = rng.uniform(20, 120), []
        for t in range(frames):
            foot = horizon + (start - horizon) * (1 + pace) ** t if pace else start + 2.0 * t
            side = 0.25 * (foot - horizon) if horizon > -math.inf else 14.0
            wide = side * (1 + (number % 3 if groups and start < 60 else 0))
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[round(foot - side) : round(foot), round(left) : round(left + wide)] = True
            run.append(Components.of(mask))
        runs.append(run)
    return runs


def test_the_factor_is_one_at_the_level_and_bounded() -> None:
    near = TILT.nearness(np.array([60.0, 85.0, 10.0, 200.0, -200.0]))
    np.testing.assert_allclose(near, [1.0, 1.5, FARTHEST, 2.5, FARTHEST])
    assert max(TILT.largest) == pytest.approx(2.5 * max(replace(TILT, nearest=1.0).largest))


@settings(deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-50, 250))
def test_a_box_is_larger_by_the_factor_of_its_row_and_no_other_shape(size: float, ratio: float, row: float) -> None:
    raw, place = torch.tensor([size, ratio]), torch.tensor(row)
    flat = decode_size(raw, replace(TILT, tilt=0.0), place)
    torch.testing.assert_close(decode_size(raw, TILT, place), flat * TILT.nearness(place))
    torch.testing.assert_close(flat, decode_size(raw, TILT))


def test_one_pace_on_the_ground_has_one_code_and_older_weights_have_none() -> None:
    raw, rows = torch.tensor([[0.5, -1.0]] * 3), torch.tensor([60.0, 85.0, 10.0])
    flat = TILT.motion * torch.tanh(raw)
    torch.testing.assert_close(
        decode_step(raw, replace(TILT, ground=True), rows) / flat, TILT.nearness(rows)[:, None].expand(3, 2)
    )
    assert torch.equal(decode_step(raw, TILT, rows), flat) and torch.equal(
        decode_step(raw, replace(TILT, ground=True)), flat
    )


def test_the_pace_is_that_of_the_level_where_near_things_are_faster() -> None:
    ways = drive(horizon=10.0, count=20, pace=0.05)
    found = perspective_of(ways, HEIGHT)
    middle = found.level + 0.125 * (found.level - 10.0) / 0.875  # where the feet are
    assert found.pace == pytest.approx(0.05 * 0.875 * (middle - 10.0), rel=0.2)
    where = found.of(WhereConfig())
    assert where.ground and where.motion == max(4.0, 1.5 * found.pace)
    assert not replace(found, pace=0.0).of(WhereConfig()).ground, "of a plan from before"


@pytest.mark.parametrize(
    ("given", "ground", "motion"), [("", True, 12.0), ("motion", False, 20.0), ("ground", False, 20.0)]
)
def test_who_sets_steps_means_them(given: str, ground: bool, motion: float) -> None:
    preset = fast_video()
    preset = replace(preset, model=replace(preset.scalor, where=replace(preset.scalor.where, motion=20.0)))
    plan = Plan(kind="fit", preset=preset, seed=0, steps=1, minutes=None)
    rule = usual_box.UsualBox(perspective=Perspective(0.01, 50.0, 1.5, 3.0, 600.0, 0.5, pace=8.0))
    where = with_fitted_prior(plan, [rule], {f"model.where.{given}": "as above"} if given else {}, lambda _: None)
    assert (where.preset.scalor.where.ground, where.preset.scalor.where.motion) == (ground, motion)


def test_boxes_that_may_not_be_as_large_as_near_things_are_as_fast() -> None:
    plan = Plan(kind="fit", preset=fast_video(), seed=0, steps=1, minutes=None)
    seen = Perspective(0.01, 50.0, 2.2, 4.0, 100.0, 0.5, pace=4.0)
    where = with_fitted_prior(plan, [usual_box.UsualBox(perspective=seen)], {}, lambda _: None).preset.scalor.where
    assert where.nearest < 2.2 and where.nearest * where.motion == pytest.approx(2.2 * 1.5 * 4.0)


def test_a_step_in_a_crop_is_that_of_the_same_place_in_the_whole_view() -> None:
    preset = fast_video()
    torch.manual_seed(0)
    for tilt in (0.01, -0.01):
        where = replace(preset.scalor.where, tilt=tilt, level=60.0, nearest=1.8, ground=True)
        model = build(replace(preset.model, where=where))
        crop, whole = Scenery(height=64, width=64, top=torch.tensor([30.0])), Scenery(height=168, width=64)
        slots = model.init(1, replace(whole, backdrop=torch.zeros(1, 3, 168, 64))).slots
        slots = slots.map(lambda t: t.new_zeros(1, 3, *t.shape[2:]))
        box = torch.tensor([[[30.0, 10, 20, 20], [30, 40, 20, 20], [10, 60, 10, 10]]])
        slots = slots.replace(box=box, latents=slots.latents.replace(where=torch.randn(1, 3, 4)))
        below = slots.replace(box=box + torch.tensor([0.0, 30, 0, 0]))
        for seen, there in ((slots, crop), (below, whole)):
            step = expected_center(seen, model.config, there) - seen.box[..., :2]
            row = below.box[..., 1]
            expected = where.motion * torch.tanh(seen.latents.where[..., 2:]) * where.nearness(row)[..., None]
            torch.testing.assert_close(step, expected)
            placed, _ = model.propagate._placed(seen, seen.latents.where, there)
            torch.testing.assert_close(placed[..., :2] - seen.box[..., :2], expected)


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("horizon", [10.0, 4.0])
def test_growth_on_the_way_tells_the_horizon_though_far_things_are_groups(groups: bool, horizon: float) -> None:
    found = perspective_of(drive(horizon=horizon, groups=groups), HEIGHT)
    rows = np.array([50.0, 120.0])
    # Boxes end at their feet: the middle of one at row y stands lower, by half of its height.
    foot = (rows - 0.125 * horizon) / 0.875
    near, far = foot[1] - horizon, foot[0] - horizon
    assert float(np.divide(*found.of(TILT).nearness(rows)[::-1])) == pytest.approx(near / far, rel=0.12)
    assert "lower edge" in found.words() and found.growth > 2.5


def test_what_does_not_grow_and_what_stays_has_no_perspective() -> None:
    assert perspective_of(drive(horizon=-math.inf), HEIGHT) == Perspective()
    assert perspective_of(drive(horizon=-150.0), HEIGHT) == Perspective(), "hardly"
    assert perspective_of(drive(horizon=10.0, count=5), HEIGHT) == Perspective(), "too few"
    assert perspective_of([run[:1] * 25 for run in drive(horizon=10.0)], HEIGHT) == Perspective()
    assert perspective_of([], HEIGHT) == Perspective() and Perspective().words() == ""


def test_sizes_are_told_at_the_level_and_pairs_far_away_are_none() -> None:
    """A pair far away is as large as a single thing near the camera, and only the latter is a single object."""
    runs = drive(horizon=0.0, groups=True)
    perspective = perspective_of(runs, HEIGHT)
    where = replace(fast_video().scalor.where, size=20.0, ratio=1.0)
    rule = box_survey._found(runs, perspective, where, HEIGHT)
    made = fitted_where(perspective.of(where), [rule])
    single = 0.25 * perspective.level / 0.875
    assert made.size == pytest.approx(ROOM * single, rel=0.15)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:40, 20:40] = True  # two of 10 px beside each other
    mask[100:130, 100:130] = True
    assert blobs_of(mask, made, rule.within(0)).single[:, 0].tolist() == [115.0]
    assert blobs_of(mask[20:], made, rule.within(20)).single[:, 0].tolist() == [115.0], "a crop"


def test_the_common_size_is_that_of_all_distances_beside_groups_far_away_and_parts_of_what_is_near() -> None:
    rng = np.random.default_rng(0)
    sizes, near = [], []
    for distance, singles, groups, parts in ((-0.7, 10, 60, 0), (-0.3, 20, 30, 0), (0.2, 15, 5, 5), (0.8, 10, 0, 20)):
        for middle, count in ((3.0, singles), (3.6, groups), (1.5, parts)):
            sizes.append(middle + rng.normal(0, 0.08 if middle == 3.0 else 0.3, count))
            near.append(np.full(count, distance))
    found = box_survey._everywhere(np.concatenate(sizes), np.concatenate(near))
    assert found == pytest.approx(3.0, abs=0.1)
    assert usual_box.bulk(np.concatenate(sizes))[0] > 3.15, "most blobs are groups"


def test_the_scale_follows_far_things_and_no_kind_of_thing_turns_where_there_is_a_perspective() -> None:
    stats = ObjectStats(
        height_px=100.0,
        width_px=110.0,
        height_range=(40.0, 200.0),
        aspect=1.1,
        speed_px=(3.0, 9.0),
        count=4.0,
        contrast=0.4,
        noise=0.01,
        confidence=0.9,
        frame_size=(1080, 1920),
        shape_range=(0.6, 1.5),
    )
    assert scale_for(stats) == pytest.approx(TURNING_PX / 110)
    assert scale_for(stats, far=60.0) == pytest.approx(TARGET_PX / 110), "far ones are large enough"
    assert scale_for(stats, far=35.0) == pytest.approx(FAR_PX / 35)
    assert scale_for(stats, far=5.0) == pytest.approx(FINER * TARGET_PX / 110), "at most so fine"
    assert scale_for(replace(stats, height_px=20.0, width_px=22.0), far=9.0) == 1.0, "never enlarged"
    assert typical_sizes([stats], [0.3]).turns and not typical_sizes([stats], [0.3], upright=True).turns
    assert typical_sizes([stats], [0.3], upright=True).elongation == 1.0


def test_a_perspective_in_another_scale_is_the_same() -> None:
    seen = Perspective(0.02, 60.0, 2.5, 4.0, 160.0, 0.5, pace=3.0)
    fine = seen.scaled(2.0)
    assert fine.pace == 6.0
    rows = np.array([20.0, 60.0, 150.0])
    np.testing.assert_allclose(fine.of(WhereConfig()).nearness(2 * rows), seen.of(WhereConfig()).nearness(rows))
    assert (fine.height, fine.growth, fine.far) == (320.0, 4.0, 0.5) and seen.measured and not Perspective().measured


def test_a_crop_has_the_sizes_of_its_place_and_what_comes_nearer_grows() -> None:
    preset = fast_video()
    where = replace(preset.scalor.where, size_range=0.02, tilt=0.01, level=32.0, nearest=2.0)
    torch.manual_seed(0)
    model = build(replace(preset.model, where=where))
    knobs = Knobs(birth=0.0, hard=True, births=True, keep_alive=True)
    for top in (0.0, 40.0):
        scenery = Scenery(height=64, width=64, backdrop=torch.zeros(2, 3, 64, 64), top=torch.full((2,), top))
        with torch.no_grad():
            steps = generate(model, 2, 4, scenery, knobs).steps
        assert all(step.slots.alive.sum() > 5 for step in steps)
        for box in (step.slots.box[step.slots.alive] for step in steps):
            expected = where.size * where.nearness(box[:, 1] + top)
            torch.testing.assert_close(box[:, 2:].prod(1).sqrt(), expected, rtol=0.03, atol=0.0)


def test_a_plan_remembers_its_rules_and_says_the_perspective(tmp_path) -> None:
    plan = Plan(kind="fit", preset=fast_video(), seed=0, steps=1, minutes=None)
    seen = Perspective(0.01, 50.0, 2.0, 3.0)
    said: list[str] = []
    made = with_fitted_prior(plan, [usual_box.UsualBox(perspective=seen)], {"data.object_height": "30"}, said.append)
    assert made.preset.scalor.where == replace(plan.preset.scalor.where, tilt=0.01, level=50.0, nearest=2.0)
    assert said == ["followed on their way, things grow 3.0 times towards the lower edge, and so do boxes"]
    low = with_fitted_prior(plan, [usual_box.UsualBox(perspective=replace(seen, height=60))], {}, said.append)
    made_low = low.preset.scalor.where
    assert made_low.nearest * made_low.sizes[1] == pytest.approx(30.0), "half of the view"
    folder = RunFolder(tmp_path / "run")
    folder.claim(made)
    assert folder.plan() == made
