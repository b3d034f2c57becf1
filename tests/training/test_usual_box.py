"""How large single objects are where, found among blobs of which some are pairs; and what follows for the pairs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from scalor.configs.presets import fast_video, tiny
from scalor.core.geometry import WhereConfig
from scalor.models.scalor import Scalor
from scalor.training.box_prior import fitted_where, with_fitted_prior
from scalor.training.box_survey import usual_boxes
from scalor.training.checkpoint import Plan
from scalor.training.foreground_blobs import blobs_of
from scalor.training.usual_box import FLOOR, UsualBox, usual_box

WHERE = WhereConfig(size=20.0, size_range=0.9, ratio=2.0, ratio_range=0.6, scale="log")
HEIGHT = 200


def boxes(count: int, *, pairs: float, vary: float = 0.05, growth: float = 0.006) -> np.ndarray:
    """Upright things twice as high as wide that grow towards the bottom; ``pairs`` of them are two side by side."""
    rng = np.random.default_rng(3)
    place = rng.uniform(10, HEIGHT - 10, count)
    side = np.exp(2.2 + growth * place + rng.normal(0, vary, count))
    wide = np.where(rng.random(count) < pairs, 1.9, 1.0)
    return np.column_stack([rng.uniform(0, 300, count), place, wide * side / math.sqrt(2), side * math.sqrt(2)])


def test_the_size_at_a_place_is_that_of_the_single_ones() -> None:
    rule = usual_box(boxes(300, pairs=0.2), HEIGHT)
    assert rule.slope == pytest.approx(0.006, abs=0.0007)
    assert rule.start == pytest.approx(2.2, abs=0.08)
    assert FLOOR <= rule.spread < 0.5 * math.log(1.9)


def test_things_of_many_sizes_have_a_wide_rule() -> None:
    assert usual_box(boxes(300, pairs=0.0, vary=0.4), HEIGHT).spread > 0.6


def test_of_few_blobs_and_of_one_height_no_slope_is_made() -> None:
    assert usual_box(boxes(20, pairs=0.0), HEIGHT) == UsualBox()
    level = boxes(100, pairs=0.0, growth=0.0)
    level[:, 1] = 100.0 + 0.1 * level[:, 1]
    assert usual_box(level, HEIGHT).slope == 0.0


def test_rows_are_counted_from_the_crops_top() -> None:
    assert UsualBox(2.0, 0.01, 0.2).within(50) == pytest.approx((2.5, 0.01, 0.2, 50, 0.0))
    assert UsualBox().within(50) == (0.0, 0.0, math.inf, 50, 0.0)


def mask_of(*blobs: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((96, 96), bool)
    for left, top, width, height in blobs:
        mask[top : top + height, left : left + width] = True
    return mask


def test_two_beside_each_other_far_away_are_not_one_that_is_near() -> None:
    """The pair above has the size of the single one below, and a shape that one can have."""
    mask = mask_of((10, 4, 13, 19), (60, 60, 13, 26))
    assert len(blobs_of(mask, WHERE).single) == 2
    rule = (math.log(11.0), math.log(2.0) / 80, 0.2, 0.0, 0.0)
    assert blobs_of(mask, WHERE, rule).single[:, 0].tolist() == [66.5]


def test_what_the_view_cuts_off_is_continued_to_the_size_of_its_place() -> None:
    rule = (math.log(11.0), math.log(2.0) / 80, 0.3, 0.0, 0.0)
    (box,) = blobs_of(mask_of((0, 60, 6, 28)), WHERE, rule).single
    assert box[2] == pytest.approx(math.exp(rule[0] + rule[1] * 74) / math.sqrt(2), rel=1e-5)
    assert box[0] + box[2] / 2 == pytest.approx(6.0)


def test_a_model_without_an_empty_scene_has_no_rule() -> None:
    assert usual_boxes(Scalor(tiny().scalor), None) == []  # type: ignore[arg-type]


def test_a_batch_without_a_rule_learns_as_before() -> None:
    mask = mask_of((10, 4, 13, 19))
    any_size = blobs_of(mask, WHERE, (0.0, 0.0, math.inf, 0.0, 0.0))
    np.testing.assert_array_equal(blobs_of(mask, WHERE).single, any_size.single)


def test_boxes_have_the_shapes_of_single_things_and_not_of_pairs() -> None:
    rule = usual_box(boxes(300, pairs=0.2), HEIGHT)
    where = fitted_where(WHERE, [rule])
    assert where.ratio == pytest.approx(2.0, rel=0.05)
    assert where.ratios[0] > 2.0 / 1.9
    assert replace(where, ratio=WHERE.ratio, ratio_range=WHERE.ratio_range) == WHERE


def test_unknown_and_varied_shapes_leave_boxes_as_they_are() -> None:
    assert fitted_where(WHERE, []) == fitted_where(WHERE, [UsualBox()]) == WHERE
    assert fitted_where(WHERE, [UsualBox(shape=0.7, shapes=0.9)]) == WHERE
    both = fitted_where(WHERE, [UsualBox(shape=0.5, shapes=0.3), UsualBox(shape=0.9, shapes=0.3)])
    assert math.log(both.ratio) == pytest.approx(0.7) and both.ratio_range == pytest.approx(0.5)


def test_what_the_user_says_of_boxes_stays() -> None:
    plan = Plan(kind="fit", preset=fast_video(), seed=0, steps=1, minutes=None)
    rules = [UsualBox(shape=0.5, shapes=0.2)]
    for given in ({"model.where.ratio": "2"}, {"data.object_height": "40"}):
        assert with_fitted_prior(plan, rules, given) == replace(plan, usual=tuple(rules))
    assert with_fitted_prior(plan, rules, {}).preset.scalor.where.ratio == pytest.approx(math.exp(0.5))
    grainy = replace(plan, smooth=1.0)  # peaks alone stand out there, and the survey knows better
    assert with_fitted_prior(grainy, rules, {}) == replace(grainy, usual=tuple(rules))


def test_of_what_turns_there_is_no_usual_box() -> None:
    """Cars that come along both of two streets: half of the boxes are high, half are wide."""
    upright = boxes(300, pairs=0.0)
    turned = upright.copy()
    turned[::3, 2:] = turned[::3, :1:-1]
    assert usual_box(upright, HEIGHT).spread < math.inf
    assert usual_box(turned, HEIGHT) == UsualBox()
