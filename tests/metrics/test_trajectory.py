"""Errors of predicted paths, and the two simple predictors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.core.tracks import Tracks
from scalor.metrics import best_of, constant_velocity, copy_last_frame, mean_per_step, trajectory_error


def paths(centers: dict[int, list[tuple[float, float] | None]], *, start: int = 0) -> Tracks:
    """Boxes 4 x 2 around the centres of each id in frames start, start + 1, ...; None: not there."""
    rows = [
        (start + t, i, point[0] - 2, point[1] - 1, 4.0, 2.0, 1.0, 1.0)
        for i, points in centers.items()
        for t, point in enumerate(points)
        if point is not None
    ]
    return Tracks.from_rows(rows, length=start + max(len(points) for points in centers.values()))


STRAIGHT = paths({1: [(10.0 + 3 * t, 20.0) for t in range(6)], 2: [(50.0, 40.0 - t) for t in range(6)]})


def test_the_truth_predicts_itself_under_any_names():
    renamed = Tracks(**{**STRAIGHT.__dict__, "id": 9 - STRAIGHT.id})
    error = trajectory_error(STRAIGHT, renamed, observed=2, steps=4)
    assert error.matched.all()
    assert error.per_step.tolist() == [0.0] * 4


def test_copying_the_last_frame_errs_by_the_distance_walked():
    error = trajectory_error(STRAIGHT, copy_last_frame(STRAIGHT, observed=2, steps=4), observed=2, steps=4)
    assert error.distance.tolist() == [[3.0, 6.0, 9.0, 12.0], [1.0, 2.0, 3.0, 4.0]]
    assert error.per_step.tolist() == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("history", [1, 2, 5])
def test_constant_velocity_is_exact_on_straight_paths(history):
    predicted = constant_velocity(STRAIGHT, observed=3, steps=3, history=history)
    assert trajectory_error(STRAIGHT, predicted, observed=3, steps=3).per_step == pytest.approx([0.0] * 3)


def test_constant_velocity_never_sees_the_future():
    future = STRAIGHT.select(STRAIGHT.frame < 3)
    whole, blind = (constant_velocity(table, observed=3, steps=2) for table in (STRAIGHT, future))
    assert np.array_equal(whole.box_tlwh, blind.box_tlwh)


def test_an_object_seen_once_stays():
    predicted = constant_velocity(paths({1: [None, (5.0, 5.0)]}), observed=2, steps=2)
    assert predicted.center.tolist() == [[5.0, 5.0]] * 3


def test_centres_bounce_at_the_walls():
    fast = paths({1: [(4.0, 5.0), (7.0, 5.0)]})
    predicted = constant_velocity(fast, observed=2, steps=3, walls=(0.0, 0.0, 9.0, 9.0))
    assert predicted.center[2:, 0].tolist() == [8.0, 5.0, 2.0]


@given(st.floats(-30, 30), st.floats(-30, 30), st.integers(1, 20))
def test_bouncing_centres_stay_inside(dx, dy, steps):
    fast = paths({1: [(5.0 - dx, 5.0 - dy), (5.0, 5.0)]})
    center = constant_velocity(fast, observed=2, steps=steps, walls=(0.0, 0.0, 9.0, 12.0)).center[2:]
    assert (center >= -1e-9).all() and (center <= np.array([9.0, 12.0]) + 1e-9).all()


def test_a_vanished_prediction_counts_where_it_was_last_seen():
    truth = paths({1: [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]})
    lost = truth.select(truth.frame < 2)
    assert trajectory_error(truth, lost, observed=1, steps=2).per_step.tolist() == [0.0, 1.0]


def test_vanished_truth_and_unmatched_objects_count_for_nothing():
    truth = paths({1: [(0.0, 0.0), (1.0, 0.0), None], 2: [(90.0, 0.0)] * 3})
    found = paths({4: [(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)]})
    error = trajectory_error(truth, found, observed=1, steps=2, gate=10.0)
    assert error.matched.tolist() == [True, False]
    assert error.distance[0, 0] == 3.0
    assert np.isnan(error.distance[0, 1]) and np.isnan(error.distance[1]).all()
    assert np.isnan(error.per_step[1])


def test_a_pair_outside_the_gate_never_displaces_one_inside():
    truth = paths({1: [(0.0, 0.0)] * 2, 2: [(10.0, 0.0)] * 2})
    found = paths({1: [(9.0, 0.0)] * 2})
    assert trajectory_error(truth, found, observed=1, steps=1, gate=5.0).matched.tolist() == [False, True]


def test_best_of_picks_the_best_sample_for_every_object():
    def sample(first: float, second: float) -> Tracks:
        return paths({1: [(10.0, 20.0), (10.0 + first, 20.0)], 2: [(50.0, 40.0), (50.0 + second, 40.0)]})

    truth = sample(0.0, 0.0)
    errors = [trajectory_error(truth, sample(*shift), observed=1, steps=1) for shift in ((1.0, 8.0), (5.0, 2.0))]
    assert best_of(errors).distance.tolist() == [[1.0], [2.0]]
    assert mean_per_step(errors).tolist() == [4.0]
    other = trajectory_error(paths({7: [(0.0, 0.0)] * 2}), sample(0, 0), observed=1, steps=1)
    with pytest.raises(ValueError, match="different truth"):
        best_of([errors[0], other])
