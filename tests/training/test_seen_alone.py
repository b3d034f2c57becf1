"""What is seen alone again and again is single, where most of what moves are groups of it."""

import math

import numpy as np
import pytest

from scalor.core.geometry import WhereConfig
from scalor.training.box_prior import LEAST_SIZES, fitted_where
from scalor.training.box_survey import _found
from scalor.training.components import Components
from scalor.training.foreground_blobs import ROOM
from scalor.training.perspective import Perspective
from scalor.training.seen_alone import seen_for_long, stays
from scalor.training.usual_box import UsualBox, bulk
from tests.training.test_groups import HEIGHT, WIDTH, together, walker

WHERE = WhereConfig(size=30.0, size_range=0.7, ratio=1.5, ratio_range=0.6, scale="log")
SHAPE = (90, 200)


def runs_of(pairs: int, singles: int, *, frames: int = 60, other: bool = False) -> list[list[Components]]:
    """Runs in which so many pairs, who never part, and single walkers go by; or things as large as pairs."""
    rng, made = np.random.default_rng(0), []
    for _ in range(frames // 10):
        speed = rng.uniform(1, 3, 8)
        high, offset = rng.integers(8, 40, 8), rng.integers(-6, 7, 8)
        run = []
        for t in range(10):
            mask = np.zeros(SHAPE, bool)
            for k in range(pairs + singles):
                x, y = int(10 + 60 * k + speed[k] * t), int(high[k])
                if k < pairs and other:
                    mask[y : y + 36, x : x + 24] = True
                elif k < pairs:
                    mask |= together((x, y), (x + 11, y + int(offset[k])), shape=SHAPE)
                else:
                    mask[y : y + HEIGHT, x : x + WIDTH] |= walker(t % 3 / 2)
            run.append(Components.of(mask))
        made.append(run)
    return made


def test_most_are_pairs_and_yet_one_is_one() -> None:
    rule = _found(runs_of(2, 1), Perspective(), WHERE, SHAPE[0])
    assert rule.outline
    assert rule.sides(45.0) == pytest.approx((WIDTH, HEIGHT), rel=0.2)
    assert rule.middle == pytest.approx(0.5 * math.log(WIDTH * HEIGHT), abs=0.15) and rule.reach < math.inf


def test_where_few_are_pairs_the_rule_stays_and_takes_them_apart() -> None:
    rule = _found(runs_of(1, 2), Perspective(), WHERE, SHAPE[0])
    assert rule.outline and rule.sides(45.0) == pytest.approx((WIDTH, HEIGHT), rel=0.2)


def test_larger_things_of_their_own_are_no_groups() -> None:
    assert not _found(runs_of(2, 1, other=True), Perspective(), WHERE, SHAPE[0]).outline


def test_where_all_are_single_there_is_nothing_to_take_apart() -> None:
    assert not _found(runs_of(0, 3), Perspective(), WHERE, SHAPE[0]).outline


def crowd(*, alone: int, frames: int = 50) -> list[list[Components]]:
    """Runs of a crowd: so many who walk by themselves, and, more often, groups and parts that do not last."""
    rng, made = np.random.default_rng(1), []
    for _ in range(frames // 10):
        run = []
        for t in range(10):
            mask = np.zeros(SHAPE, bool)
            for k in range(alone):
                x = 20 + 30 * k + t
                mask[6 : 6 + HEIGHT, x : x + WIDTH] = walker(t % 3 / 2)
            for column in range(5, 190, 16):
                width, height = rng.integers(3, 14), rng.integers(3, 30)
                mask[50 : 50 + height, column : column + width] = True
            run.append(Components.of(mask))
        made.append(run)
    return made


def test_in_a_crowd_what_lasts_tells_the_size_of_boxes_and_no_more() -> None:
    every = np.concatenate([0.5 * np.log(each.box[:, 2:].prod(1)) for run in crowd(alone=5) for each in run])
    single = 0.5 * math.log(WIDTH * HEIGHT)
    assert bulk(every)[0] < single - 0.2, "most blobs are no single objects"
    rule = seen_for_long(crowd(alone=5))
    assert rule.middle == pytest.approx(single, abs=0.1) and rule.reach == 0.3
    assert rule.spread == math.inf, "which blobs are single is not known"
    where = fitted_where(WHERE, [rule])
    assert where.size == pytest.approx(ROOM * math.sqrt(WIDTH * HEIGHT), rel=0.1)
    assert where.size_range == pytest.approx(LEAST_SIZES) and where.ratio_range == WHERE.ratio_range


def test_stays_end_at_the_edge_of_the_view() -> None:
    run = []
    for t in range(15):
        mask = np.zeros(SHAPE, bool)
        mask[20:40, 125 + 6 * t : 135 + 6 * t] = True
        run.append(Components.of(mask))
    assert not run[-1].whole.any() and stays(run) == [pytest.approx(0.5 * math.log(200))]


def test_of_two_kinds_neither_tells_the_sizes() -> None:
    """As many small as large ones: by their sides the large have the majority, but the small would have no boxes."""

    def run(small: int) -> list[Components]:
        frames = []
        for t in range(6):
            mask = np.zeros(SHAPE, bool)
            for k in range(3):
                mask[2:38, 5 + 60 * k + t : 45 + 60 * k + t] = True
            for k in range(small):
                mask[50:60, 5 + 40 * k + t : 15 + 40 * k + t] = True
            frames.append(Components.of(mask))
        return frames

    assert seen_for_long([run(small=2)] * 7).middle == pytest.approx(0.5 * math.log(36 * 40))
    assert seen_for_long([run(small=3)] * 7) == UsualBox()


def test_of_few_stays_nothing_is_known() -> None:
    assert seen_for_long(crowd(alone=1)) == UsualBox()


def test_weights_count_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    values, times = rng.normal(size=40), rng.integers(1, 5, 40)
    alike = bulk(values)
    assert bulk(values, np.full(40, 0.7)) == pytest.approx(alike)
    assert bulk(values, times.astype(float)) == pytest.approx(bulk(np.repeat(values, times)))
