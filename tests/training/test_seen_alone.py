"""What is seen alone again and again is single, where most of what moves are groups of it."""

import math

import numpy as np
import pytest

from scalor.core.geometry import WhereConfig
from scalor.training.box_survey import _found
from scalor.training.components import Components
from scalor.training.perspective import Perspective
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
