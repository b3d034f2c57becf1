"""Reports on objects that are there but hardly visible are neither right nor wrong."""

from scalor.core.tracks import Tracks
from scalor.metrics.boxes import without_hidden


def row(frame: int, number: int, left: float, visibility: float = 1.0) -> tuple:
    return (frame, number, left, 0.0, 10.0, 10.0, 1.0, visibility)


def table(*rows: tuple) -> Tracks:
    return Tracks.from_rows(rows, length=2)


def test_a_report_on_a_hidden_object_is_dropped_and_one_on_a_visible_object_stays():
    truth = table(row(0, 0, 0.0), row(0, 1, 30.0, visibility=0.1))
    found = without_hidden(truth, table(row(0, 5, 1.0), row(0, 6, 31.0)), min_visibility=0.25)
    assert found.id.tolist() == [5]


def test_a_report_on_nothing_stays_and_counts_as_an_error():
    truth = table(row(0, 1, 30.0, visibility=0.1))
    found = without_hidden(truth, table(row(0, 6, 60.0)), min_visibility=0.25)
    assert found.id.tolist() == [6]


def test_a_hidden_object_excuses_only_one_report_and_only_in_its_own_frame():
    truth = table(row(0, 1, 30.0, visibility=0.1))
    found = without_hidden(truth, table(row(0, 6, 30.0), row(0, 7, 31.0), row(1, 6, 30.0)), min_visibility=0.25)
    assert sorted(zip(found.frame.tolist(), found.id.tolist(), strict=True)) == [(0, 7), (1, 6)]


def test_a_visible_object_is_served_before_a_hidden_one_that_it_covers():
    truth = table(row(0, 0, 0.0), row(0, 1, 2.0, visibility=0.1))
    found = without_hidden(truth, table(row(0, 5, 0.0)), min_visibility=0.25)
    assert found.id.tolist() == [5]
