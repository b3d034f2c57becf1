"""Propagation and discovery counted on tables small enough to count by hand."""

import math

import pytest

from scalor.core.tracks import Tracks
from scalor.metrics import counting, propagation_rate
from scalor.metrics.counting import count_accuracy
from scalor.metrics.mot import evaluate


def table(*pairs: tuple[int, int], length: int) -> Tracks:
    return Tracks.from_rows([(t, i, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0) for t, i in pairs], length=length)


def test_carrying_everything_is_rate_one_with_one_discovery_each():
    scores = counting([table(*[(t, i) for t in range(5) for i in (3, 8)], length=5)])
    assert (scores.propagation_rate, scores.birth_survival) == (1.0, 1.0)
    assert (scores.discoveries_per_clip, scores.rediscoveries_per_clip) == (2.0, 0.0)


def test_renaming_everything_is_rate_zero_and_counts_every_discovery():
    scores = counting([table(*[(t, 10 * t + i) for t in range(5) for i in (1, 2)], length=5)])
    assert (scores.propagation_rate, scores.birth_survival) == (0.0, 0.0)
    assert (scores.discoveries_per_clip, scores.rediscoveries_per_clip) == (10.0, 8.0)


def test_rates_are_counted_over_frame_pairs_and_totals_over_clips():
    # Object 1 lives in 0, 1, 3 (a gap breaks it), object 2 in 2, 3, object 3 only in the last frame.
    broken = table((0, 1), (1, 1), (3, 1), (2, 2), (3, 2), (3, 3), length=4)
    scores = counting([broken])
    assert scores.propagation_rate == pytest.approx(2 / 3)
    assert scores.birth_survival == 1.0
    assert (scores.discoveries_per_clip, scores.rediscoveries_per_clip) == (3.0, 2.0)
    both = counting([broken, table((0, 1), (1, 2), length=2)])
    assert both.propagation_rate == pytest.approx(2 / 4)
    assert both.birth_survival == pytest.approx(2 / 3)
    assert both.discoveries_per_clip == pytest.approx(5 / 2)


def test_objects_of_the_last_frame_are_not_asked_to_survive():
    assert math.isnan(propagation_rate(table((0, 1), (0, 2), length=1)))
    assert propagation_rate(table((0, 1), (0, 2), length=2)) == 0.0


def test_an_empty_clip_has_no_rate_and_no_discoveries():
    scores = counting([table(length=4)])
    assert scores.as_dict() == {
        "propagation_rate": None,
        "birth_survival": None,
        "discoveries_per_clip": 0.0,
        "rediscoveries_per_clip": 0.0,
    }


def test_a_frame_counts_as_right_where_the_numbers_agree():
    truth = table((0, 1), (0, 2), (1, 1), length=4)
    found = table((0, 7), (1, 7), (1, 8), (3, 9), length=4)
    assert count_accuracy([(truth, found)]) == 1 / 4  # only the empty frame 2
    assert count_accuracy([(truth, truth), (truth, found)]) == 5 / 8


def test_hidden_objects_do_not_count():
    hidden = Tracks.from_rows([(0, 1, 0.0, 0.0, 1.0, 1.0, 1.0, 0.1)], length=1)
    assert count_accuracy([(hidden, table(length=1))], min_visibility=0.25) == 1.0
    assert count_accuracy([(hidden, table(length=1))]) == 0.0


def test_reports_of_hidden_objects_do_not_count_either():
    seen = [(0, 1, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0)]
    truth = Tracks.from_rows(seen, length=1)
    found = Tracks.from_rows([*seen, (0, 2, 5.0, 5.0, 1.0, 1.0, 1.0, 0.1)], length=1)
    assert count_accuracy([(truth, found)], min_visibility=0.25) == 1.0
    assert count_accuracy([(truth, found)]) == 0.0
    assert evaluate(truth, found, iou=0.5, min_visibility=0.25).count_mae == 0.0, "as the other scores count"
