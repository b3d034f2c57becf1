"""Tracking scores against cases worked out by hand, and against the library where it offers the same number."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.metrics import count_doubles, evaluate, evaluate_many
from scalor.metrics.boxes import box_iou
from scalor.metrics.fragments import fragments
from scalor.metrics.mot import id_true_positives

FAR = 100.0


def table(*rows: tuple, length: int | None = None) -> Tracks:
    """Rows (frame, id, left, top[, visibility]) of boxes 10 x 10."""
    full = [(f, i, x, y, 10.0, 10.0, 1.0, *(rest or (1.0,))) for f, i, x, y, *rest in rows]
    return Tracks.from_rows(
        full, length=length if length is not None else 1 + max((row[0] for row in rows), default=-1)
    )


def two_walkers(frames: int = 4) -> Tracks:
    return table(*[(t, i, 5.0 * t, FAR * i) for t in range(frames) for i in (1, 2)])


def test_a_perfect_tracker_scores_one_under_both_gates():
    truth = two_walkers()
    for gate in ({"iou": 0.5}, {"distance": 8.0}):
        scores = evaluate(truth, truth, **gate)
        ratios = (scores.mota, scores.motp, scores.precision, scores.recall, scores.idf1, scores.hota)
        assert ratios == pytest.approx((1.0,) * 6)
        assert (scores.tp, scores.fp, scores.fn, scores.id_switches, scores.fragments) == (8, 0, 0, 0, 0)
        assert (scores.truth_count, scores.tracks, scores.truth_tracks, scores.frames) == (8, 2, 2, 4)
        assert (scores.count_mae, scores.duplicates_per_frame) == (0.0, 0.0)


def test_one_missed_box_costs_recall_and_mota_alike():
    truth = two_walkers()
    scores = evaluate(truth, truth.select(np.arange(8) != 7), iou=0.5)
    assert (scores.mota, scores.recall, scores.precision) == (7 / 8, 7 / 8, 1.0)
    assert scores.idf1 == pytest.approx(14 / 15)
    assert scores.count_mae == pytest.approx((0 + 0 + 0 + 1 / 2) / 4)


def test_one_invented_box_costs_precision_and_mota():
    truth = two_walkers()
    rows = [(t, i, 5.0 * t, FAR * i) for t in range(4) for i in (1, 2)]
    scores = evaluate(truth, table(*rows, (2, 9, 300.0, 300.0)), iou=0.5)
    assert (scores.mota, scores.recall, scores.precision) == (7 / 8, 1.0, 8 / 9)
    assert scores.idf1 == pytest.approx(16 / 17)
    assert scores.count_mae == pytest.approx(0.5 / 4)


def test_one_renamed_track_is_one_switch():
    truth = two_walkers()
    found = table(*[(t, i if t < 2 or i == 1 else 7, 5.0 * t, FAR * i) for t in range(4) for i in (1, 2)])
    scores = evaluate(truth, found, iou=0.5)
    assert (scores.id_switches, scores.mota, scores.tracks) == (1, 7 / 8, 3)
    assert scores.idf1 == pytest.approx(2 * 6 / 16)


def test_a_gap_is_one_fragment_and_no_switch():
    truth = two_walkers()
    scores = evaluate(truth, truth.select(~((truth.id == 1) & (truth.frame == 2))), iou=0.5)
    assert (scores.fragments, scores.id_switches, scores.fn) == (1, 0, 1)


def walker(*frames: int) -> Tracks:
    """One object at a place in these frames."""
    return table(*[(t, 1, 5.0 * t, 0.0) for t in frames], length=12)


@pytest.mark.parametrize("crowd", [False, True])
def test_a_gap_is_a_fragment_whether_or_not_others_are_reported_in_it(crowd):
    others = [(t, 9, 0.0, FAR) for t in range(12)] if crowd else []
    rows = [(t, 1, 5.0 * t, 0.0) for t in range(12)]

    def score(there, found):
        truth, tracks = (table(*[row for row in rows if row[0] in at], *others, length=12) for at in (there, found))
        return evaluate(truth, tracks, iou=0.5)

    scores = score(range(12), {2, 3, 6, 7, 10})
    assert (scores.fragments, scores.id_switches, scores.fn) == (2, 0, 7)
    assert score({0, 1, 2, 7, 8}, {0, 1, 2, 7, 8}).fragments == 0, "it was not there"
    assert score({0, 1, 2, 7, 8}, {0, 1, 8}).fragments == 1, "once it was there and missed"
    assert score(range(12), {4}).fragments == 0


def test_a_new_name_without_a_gap_is_a_switch_and_no_fragment():
    truth, found = walker(0, 1, 2, 3), table(*[(t, 1 + (t > 1), 5.0 * t, 0.0) for t in range(4)])
    scores = evaluate(truth, found, iou=0.5)
    assert (scores.id_switches, scores.fragments) == (1, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fragments_are_the_librarys_where_everything_is_there_and_something_is_reported(seed):
    from trackers.eval import compute_clear_metrics

    rng = np.random.default_rng(seed)
    truth_ids = [rng.permutation(4) for _ in range(12)]
    ids = [rng.permutation(7)[: rng.integers(1, 6)] + 100 for _ in range(12)]
    scores = [rng.random((4, len(each))) for each in ids]
    assert fragments(truth_ids, ids, scores, 0.5) == compute_clear_metrics(truth_ids, ids, scores, 0.5)["Frag"]


def test_all_scores_have_one_gate_whatever_rounding_does():
    rng = np.random.default_rng(0)
    places = (rng.integers(200, 900, (200, 2)) / 10).tolist()
    truth, found = (
        Tracks.from_rows([(t, 1, x + shift, y, 30, 10, 1, 1) for t, (x, y) in enumerate(places)], length=200)
        for shift in (0.0, 10.0)
    )
    for gate in ({"iou": 0.5}, {"distance": 10.0}):
        scores = evaluate(truth, found, **gate)
        assert (scores.tp, scores.idf1, scores.fragments) == (200, 1.0, 0)
        assert scores.hota == pytest.approx(10 / 19), "0.05 to 0.5, in every frame"


@pytest.mark.parametrize(("shift", "matches"), [(7.99, 1), (8.0, 1), (8.01, 0)])
def test_the_distance_gate_is_inclusive(shift, matches):
    scores = evaluate(table((0, 1, 0.0, 0.0)), table((0, 5, shift, 0.0)), distance=8.0)
    assert (scores.tp, scores.fp, scores.fn) == (matches, 1 - matches, 1 - matches)
    assert scores.idf1 == matches


@pytest.mark.parametrize(("shift", "matches"), [(3.3, 1), (3.4, 0)])
def test_the_iou_gate_lies_at_a_third_of_the_width(shift, matches):
    # Shifted by s, the boxes share 10 (10 - s) of 10 (10 + s): IoU 0.5 at s = 10 / 3.
    assert evaluate(table((0, 1, 0.0, 0.0)), table((0, 5, shift, 0.0)), iou=0.5).tp == matches


def test_another_iou_gate_changes_matches_but_not_hota():
    truth, found = table((0, 1, 0.0, 0.0)), table((0, 5, 4.0, 0.0))
    loose, strict = evaluate(truth, found, iou=0.3), evaluate(truth, found, iou=0.5)
    assert (loose.tp, strict.tp) == (1, 0)
    assert loose.motp == pytest.approx(6 / 14)
    # IoU 0.43 passes 8 of the 19 thresholds.
    assert loose.hota == strict.hota == pytest.approx(8 / 19)


def test_gates_may_differ_from_object_to_object():
    truth = table((0, 1, 0.0, 0.0), (0, 2, 50.0, 0.0))
    found = table((0, 1, 6.0, 0.0), (0, 2, 56.0, 0.0))
    assert evaluate(truth, found, distance={1: 5.0, 2: 7.0}).tp == 1
    with pytest.raises(UserError, match="truth id 2"):
        evaluate(truth, found, distance={1: 5.0})


def test_yesterdays_match_is_kept_while_inside_the_gate():
    truth = table((0, 1, 0.0, 0.0), (1, 1, 0.0, 0.0))
    found = table((0, 4, 0.0, 0.0), (1, 4, 6.0, 0.0), (1, 5, 0.0, 0.0))
    scores = evaluate(truth, found, distance=8.0)
    assert (scores.id_switches, scores.tp, scores.fp) == (0, 2, 1)


def test_frames_without_objects_count_for_nothing_but_their_false_boxes():
    truth = table((0, 1, 0.0, 0.0), length=5)
    scores = evaluate(truth, table((0, 1, 0.0, 0.0), (3, 2, 0.0, 0.0), length=5), iou=0.5)
    assert (scores.tp, scores.fp, scores.fn, scores.frames) == (1, 1, 0, 5)
    assert scores.count_mae == 0.0


def test_no_predictions_lose_everything_but_precision_is_undefined():
    scores = evaluate(two_walkers(), table(length=4), iou=0.5)
    assert (scores.mota, scores.recall, scores.idf1, scores.hota, scores.count_mae) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert math.isnan(scores.precision) and math.isnan(scores.motp)
    assert (scores.fn, scores.tracks) == (8, 0)


def test_without_truth_every_box_is_false_and_mota_is_undefined():
    scores = evaluate(table(length=4), two_walkers(), distance=3.0)
    assert (scores.fp, scores.precision, scores.idf1, scores.hota) == (8, 0.0, 0.0, 0.0)
    assert math.isnan(scores.mota) and math.isnan(scores.recall) and math.isnan(scores.count_mae)


def test_nothing_against_nothing_is_undefined_and_still_json():
    scores = evaluate(table(length=3), table(length=3), iou=0.5).as_dict()
    assert json.loads(json.dumps(scores, allow_nan=False))["mota"] is None
    assert scores["fp"] == scores["fn"] == 0


def test_hidden_rows_are_left_out_on_both_sides():
    truth = table((0, 1, 0.0, 0.0), (0, 2, 50.0, 0.0, 0.24))
    found = table((0, 1, 0.0, 0.0), (0, 2, 50.0, 0.0, 0.1))
    assert evaluate(truth, found, iou=0.5).mota == 1.0
    assert evaluate(truth, found, iou=0.5, min_visibility=0.0).tp == 2
    assert evaluate(truth, found, iou=0.5, min_visibility=0.2).fn == 1


def test_only_the_asked_frames_are_scored():
    truth, found = table((5, 1, 0.0, 0.0), length=6), table((0, 3, 0.0, 0.0), (5, 1, 0.0, 0.0), length=9)
    assert evaluate(truth, found, iou=0.5).fp == 1
    inside = evaluate(truth, found, iou=0.5, frames=(4, 7))
    assert (inside.mota, inside.frames) == (1.0, 3)
    assert evaluate(truth, found, iou=0.5, frames=(4, 100_000)).frames == 5
    beyond = evaluate(truth, found, iou=0.5, frames=(50, 60))
    assert (beyond.frames, beyond.truth_count) == (0, 0) and math.isnan(beyond.duplicates_per_frame)


def test_doubles_are_counted_per_frame_that_there_is():
    truth, found = table((0, 1, 0.0, 0.0)), table((0, 1, 0.0, 0.0), (0, 2, 1.0, 0.0))
    assert evaluate(truth, found, iou=0.5, frames=(0, 100_000)).duplicates_per_frame == 1.0


def test_totals_come_before_ratios_and_ids_of_clips_never_meet():
    large, small = two_walkers(frames=4), table((0, 1, 0.0, 0.0))
    scores = evaluate_many([(large, large), (small, table(length=1))], iou=0.5)
    assert scores.mota == pytest.approx(1 - 1 / 9)
    assert (scores.truth_count, scores.truth_tracks, scores.frames) == (9, 3, 5)
    assert scores.count_mae == pytest.approx(1 / 5)
    renamed = Tracks.from_rows([(0, 9, 0.0, 0.0, 10.0, 10.0, 1.0, 1.0)], length=1)
    assert evaluate_many([(small, small), (small, renamed)], iou=0.5).id_switches == 0


def test_every_clip_may_have_its_own_gate():
    truth, found = table((0, 1, 0.0, 0.0)), table((0, 1, 6.0, 0.0))
    assert evaluate_many([(truth, found)] * 2, distance=[5.0, 7.0]).tp == 1
    with pytest.raises(UserError, match="1 distance gates came for 2 clips"):
        evaluate_many([(truth, found)] * 2, distance=[5.0])


@pytest.mark.parametrize(
    "gates",
    [{}, {"iou": 0.5, "distance": 3.0}, {"iou": 1.5}, {"distance": 0.0}, {"distance": "5"}, {"distance": {1: np.inf}}],
)
def test_a_wrong_gate_is_a_users_mistake(gates):
    with pytest.raises(UserError):
        evaluate(two_walkers(), two_walkers(), **gates)


def test_no_clips_and_repeated_ids_are_users_mistakes():
    with pytest.raises(UserError, match="no clips"):
        evaluate_many([], iou=0.5)
    with pytest.raises(UserError, match="twice in frame 0"):
        evaluate(table((0, 1, 0.0, 0.0), (0, 1, 50.0, 0.0)), table(length=1), iou=0.5)


def boxes(*lefts: float) -> np.ndarray:
    return np.array([[left, 0.0, 10.0, 10.0] for left in lefts]).reshape(-1, 4)


def test_doubles_are_boxes_beyond_the_first_on_one_object():
    assert count_doubles(boxes(0), boxes(0, 1, 2)) == 2
    assert count_doubles(boxes(0), boxes(3, -3)) == 1, "both sit on the object though they hardly overlap"
    assert count_doubles(boxes(), boxes(40, 41)) == 1, "two boxes on nothing are a double too"
    assert count_doubles(boxes(0, 3), boxes(0, 3)) == 0, "two people who cross are no double"
    assert count_doubles(boxes(0), boxes(0, 50)) == count_doubles(boxes(0), boxes()) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_id_true_positives_equal_the_librarys(seed):
    from trackers.eval import compute_identity_metrics

    rng = np.random.default_rng(seed)
    counts = [rng.integers(0, 5, size=2) for _ in range(6)]
    truth_ids = [rng.permutation(6)[:n] for n, _ in counts]
    ids = [rng.permutation(7)[:m] + 100 for _, m in counts]
    scores = [rng.random((n, m)) for n, m in counts]
    expected = compute_identity_metrics(truth_ids, ids, scores, threshold=0.5)["IDTP"]
    assert id_true_positives(truth_ids, ids, scores, 0.5) == expected


@given(st.lists(st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 20)] * 2), min_size=1, max_size=4))
def test_iou_is_symmetric_bounded_and_one_with_itself(rows):
    table_of_boxes = np.array(rows)
    overlap = box_iou(table_of_boxes, table_of_boxes)
    assert np.allclose(overlap, overlap.T)
    assert (overlap >= 0).all() and (overlap <= 1 + 1e-9).all()
    assert np.allclose(np.diag(overlap), 1.0)


def test_renaming_everything_in_a_long_video_stays_cheap():
    rows = [(t, i, 40.0 * i, 0.0) for t in range(1000) for i in range(20)]
    truth = table(*rows)
    renamed = table(*[(t, 20 * t + i, x, y) for t, i, x, y in rows])
    begin = time.process_time()
    scores = evaluate(truth, renamed, iou=0.5)
    assert (scores.id_switches, scores.tracks) == (999 * 20, 20_000)
    assert time.process_time() - begin < 30.0


def test_frames_in_which_there_is_nothing_change_no_score_and_cost_nothing():
    rows = [(t, i, 20.0 * i + t, 5.0, 9.0, 9.0, 1.0, 1.0) for t in range(12) for i in range(3)]
    found = [(t, i + 7 * (t > 6), x + 1.5, *rest) for t, i, x, *rest in rows if (t + i) % 5]
    late = [[(10**9 * (t > 4) + t, *rest) for t, *rest in table] for table in (rows, found)]
    near, far = (
        evaluate(*(Tracks.from_rows(table, length=12) for table in pair), iou=0.5).as_dict()
        for pair in ((rows, found), late)
    )
    assert near.pop("frames") == 12 and far.pop("frames") == 10**9 + 12
    assert near.pop("duplicates_per_frame") == far.pop("duplicates_per_frame") == 0 and near == far
    assert near["id_switches"] > 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"frames": (5, 2)}, "frames is"),
        ({"frames": (-3, 2)}, "frames is"),
        ({"frames": (0.5, 2)}, "frames is"),
        ({"min_visibility": float("nan")}, "min_visibility is nan"),
    ],
)
def test_numbers_out_of_range_are_users_mistakes(wrong, said):
    table = Tracks.from_rows([(0, 1, 0.0, 0.0, 5.0, 5.0, 1.0, 1.0)], length=1)
    with pytest.raises(UserError, match=said):
        evaluate(table, table, iou=0.5, **wrong)


@pytest.mark.parametrize("box", [(float("nan"), 0.0, 5.0, 5.0), (0.0, 0.0, -5.0, 5.0)])
def test_boxes_that_are_none_are_not_scored(box):
    good, wrong = (Tracks.from_rows([(0, 1, *each, 1.0, 1.0)], length=1) for each in ((0.0, 0.0, 5.0, 5.0), box))
    with pytest.raises(UserError, match="the tracks have a box"):
        evaluate(good, wrong, iou=0.5)


def test_paths_are_no_tables():
    with pytest.raises(UserError, match="truth is a str; a table is wanted: scalor.data.motchallenge.read_mot"):
        evaluate("gt.txt", "tracks.txt", iou=0.5)
