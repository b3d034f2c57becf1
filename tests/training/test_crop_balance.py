"""Crops show near and far things as often as there are such things, not as often as they have pixels."""

from dataclasses import replace

import numpy as np

from scalor.core.geometry import WhereConfig
from scalor.data.footage import Footage
from scalor.training.crop_balance import balanced, thinned
from scalor.training.perspective import Perspective
from scalor.training.usual_box import UsualBox

ROAD = Perspective(tilt=0.02, level=60.0, nearest=4.0, growth=6.0, height=240.0, far=0.5)


def test_a_near_thing_counts_as_much_as_a_far_one() -> None:
    things = []
    for frame, y in ((frame, y) for frame in range(60) for y in (35, 60, 110, 200)):
        cells = round(16 * float(ROAD.of(WhereConfig()).nearness(np.array([float(y)]))[0]) ** 2)
        things.append(np.column_stack([np.full(cells, frame), np.full(cells, y), np.arange(cells)]))
    moving = np.concatenate(things).astype(np.int32)
    kept = thinned(moving, ROAD)
    count = [int((kept[:, 1] == y).sum()) for y in (35, 60, 110, 200)]
    assert count[0] == 60 * 4, "all of the far ones"
    assert max(count) <= 1.1 * min(count)
    assert kept.dtype == moving.dtype


def test_without_perspective_the_footage_stays_as_it_is() -> None:
    footage = Footage(())
    assert balanced(footage, ()) is footage
    assert balanced(footage, [UsualBox(), replace(UsualBox(), start=2.0, spread=0.3)]) is footage
