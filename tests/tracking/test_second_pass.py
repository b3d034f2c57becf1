"""Laws of the second pass: gaps close, identities return to whom they belong, nothing is invented, rest stays rest."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalor.tracking.linking import Link, Video, _assigned, link
from scalor.tracking.motion import PER_TRACK, RECENT, Leg, Motion, _missed, miss
from scalor.tracking.second_pass import learned, revise, tracklets_of
from scalor.tracking.slivers import AROUND, usual
from scalor.tracking.smoothing import smooth, window_for
from scalor.tracking.table import Rows

from .rows_of import COLORS, LENGTH, SIZE, name_at, others, path, table

PATIENT = settings(deadline=None)


@pytest.mark.parametrize("gap", [1, 3, 10, 25])
def test_a_gap_is_closed_and_nothing_is_invented_in_it(gap):
    whole = path((40.0, 110.0), (2.0, 0.0), range(LENGTH))
    rows = table({**others(), 1: whole[:30], 2: whole[30 + gap :]}, {**COLORS, 1: 1.0, 2: 1.0})
    revised = revise(rows)
    assert name_at(revised, 10, 60, 110) == name_at(revised, 70, 180, 110) == 1
    assert len(revised.rows) == len(rows) and revised.keep.all()
    (joint,) = revised.joints
    assert (joint.frame, joint.id) == (30 + gap, 1) and joint.nats > 0


def test_another_object_that_appears_elsewhere_stays_another():
    rows = table(
        {
            **others(),
            1: path((40.0, 110.0), (2.0, 0.0), range(30)),
            2: path((200.0, 190.0), (-1.0, 0.0), range(34, 70)),
        },
        {**COLORS, 1: 1.0, 2: 1.0},
    )
    assert {1, 2} <= set(revise(rows).rows.id.tolist())


def test_what_leaves_the_view_and_what_comes_in_there_are_two():
    out = path((250.0, 110.0), (2.0, 0.0), range(28))
    back = path((352.0, 110.0), (-2.0, 0.0), range(28, 60))
    rows = table({**others(), 1: np.concatenate([out, back[8:]])}, {**COLORS, 1: 1.0})
    revised = revise(rows)
    assert len(np.unique(revised.rows.id)) == 6 and not revised.joints


def test_two_that_cross_keep_their_identities_by_their_looks():
    one, other = path((40.0, 110.0), (3.0, 0.0), range(LENGTH)), path((277.0, 110.0), (-3.0, 0.0), range(LENGTH))
    # The tracker lets them bounce off each other in the middle.
    bounced = {1: np.concatenate([one[:40], other[40:]]), 2: np.concatenate([other[:40], one[40:]])}
    rows = table({**others(), **bounced}, COLORS)
    looks = rows.looks.copy()
    truly_one = ((rows.id == 1) & (rows.frame < 40)) | ((rows.id == 2) & (rows.frame >= 40))
    looks[truly_one] += 8
    looks[np.isin(rows.id, [1, 2]) & ~truly_one] -= 8
    revised = revise(Rows(**{**vars(rows), "looks": looks}))
    assert name_at(revised, 5, 55, 110) == name_at(revised, 75, 265, 110) == 1
    assert name_at(revised, 5, 262, 110) == name_at(revised, 75, 52, 110) == 2
    assert [joint.swap for joint in revised.joints] == [True]


def test_two_of_equal_looks_that_turn_round_are_left_as_the_tracker_saw_them():
    one, other = path((40.0, 110.0), (3.0, 0.0), range(37)), path((270.0, 110.0), (-3.0, 0.0), range(37))
    rows = table({**others(), 1: np.concatenate([one, one[::-1] + [1, 0, 0, 0, 0]])[:37], 2: other}, COLORS)
    assert sorted(np.unique(revise(rows).rows.id)) == [1, 2, 90, 91, 92, 93]


def test_an_object_is_reported_from_its_first_frame_and_ghosts_never():
    rows = table(
        {**others(), 1: path((40.0, 110.0), (2.0, 0.0), range(5, 40)), 2: path((150.0, 30.0), (0.0, 0.0), range(9, 10))}
    )
    revised = revise(rows, confirm=2)
    kept = set(zip(revised.rows.frame[revised.keep].tolist(), revised.rows.id[revised.keep].tolist(), strict=True))
    assert (5, 1) in kept and not any(name == 2 for _, name in kept) and revised.dropped == 1


def test_blank_frames_take_no_time_even_at_the_edge():
    seen = np.ones(LENGTH, dtype=bool)
    seen[20:24] = False
    leaving = path((240.0, 110.0), (3.0, 0.0), range(26))
    paths = {**others(), 1: leaving[leaving[:, 0] < 20], 2: leaving[leaving[:, 0] >= 24]}
    paths = {name: rows[seen[rows[:, 0].astype(int)]] for name, rows in paths.items()}
    revised = revise(table(paths, COLORS, seen=seen))
    assert sorted(np.unique(revised.rows.id)) == [1, 90, 91, 92, 93]


def test_boxes_of_things_that_stand_still_are_known_to_half_a_network_pixel_and_no_better():
    still = [Leg(np.arange(LENGTH), np.full((LENGTH, 2), 50.0 * k), np.array([40.0, 40.0])) for k in range(5)]
    for pixel in (1.0, 4.0):
        motion = Motion.learn(still, pixel=pixel)
        assert motion.scale.min() >= pixel / 2 and motion.pace * RECENT >= pixel / 2
        assert motion.log_density(np.array([2.0, 0.0]) * pixel, 1.0) > -8.0 - 2 * np.log(pixel)


def test_what_stays_and_what_goes_on_is_learned_from_the_tracks():
    rng, frame, size = np.random.default_rng(0), np.arange(LENGTH), np.full(2, 20.0)
    jumping = [Leg(frame, rng.normal(0.0, 4.0, (LENGTH, 2)), size) for _ in range(5)]
    going = [
        Leg(frame, frame[:, None] * np.array([3.0, 1.0]) + rng.normal(0, 0.1, (LENGTH, 2)), size) for _ in range(5)
    ]
    assert Motion.learn(jumping).rest > 0.8 and Motion.learn(going).rest < 0.1
    assert Motion.learn([]).rest == 0.5


@pytest.mark.parametrize("gap", [2, 6, 20])
def test_what_rests_is_the_same_though_its_box_moved_when_it_was_lost(gap):
    rng = np.random.default_rng(1)

    def at(left: float, top: float) -> np.ndarray:
        whole = path((left, top), (0.0, 0.0), range(LENGTH))
        whole[:, 1:3] += rng.normal(0.0, 0.2, (LENGTH, 2))
        return whole

    whole = at(150.0, 60.0)
    before, after = whole[:30].copy(), whole[30 + gap :]
    before[-5:, 2] += 4.0 * np.arange(-4, 1)  # its box comes back to its place just then
    rows = table({90 + k: at(60.0, 10.0 + 50 * k) for k in range(4)} | {1: before, 2: after})
    assert name_at(revise(rows), 10, 150, 60) == name_at(revise(rows), 70, 150, 60)


def test_a_jump_of_some_network_pixels_is_no_other_object():
    before, after = path((40.0, 110.0), (1.0, 0.0), range(40)), path((40.0, 170.0), (1.0, 0.0), range(42, LENGTH))
    rows = table({**others(), 1: before, 2: after}, {**COLORS, 1: 1.0, 2: 1.0})
    assert len(np.unique(revise(rows).rows.id)) == 6
    assert len(np.unique(revise(replace(rows, pixel=8.0)).rows.id)) == 5


@PATIENT
@given(st.integers(0, 10_000), st.integers(0, 8))
def test_identities_are_unique_in_every_frame_and_no_box_is_lost(seed, count):
    rng = np.random.default_rng(seed)
    paths = {
        name: path(
            tuple(rng.uniform(0, 200, 2)), tuple(rng.uniform(-3, 3, 2)), range(first, first + int(rng.integers(1, 30)))
        )
        for name, first in enumerate(rng.integers(0, 50, count).tolist())
    }
    rows = table(paths, {name: float(rng.normal()) for name in paths})
    revised = revise(rows)
    pairs = list(zip(revised.rows.frame.tolist(), revised.rows.id.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == len(rows) and revised.keep.all()
    assert (revised.rows.frame == rows.frame).all()
    # Who shared an identity without a break still does.
    for piece in tracklets_of(rows, rows.id, revised.keep):
        assert len(np.unique(revised.rows.id[piece.rows])) == 1


@PATIENT
@given(st.integers(0, 10_000))
def test_links_have_one_predecessor_and_one_successor_and_go_forward(seed):
    rng = np.random.default_rng(seed)
    paths = {
        name: path((100.0 + rng.uniform(-9, 9), 100.0 + rng.uniform(-9, 9)), (0.0, 0.0), range(4 * name, 4 * name + 3))
        for name in range(10)
    }
    rows = table(paths)
    pieces = tracklets_of(rows, rows.id, np.ones(len(rows), dtype=bool))
    links = link(pieces, Video(np.cumsum(rows.seen), SIZE, *learned(pieces)))
    assert links and all(pieces[each.before].last < pieces[each.after].first for each in links)
    for side in ("before", "after"):
        assert len({getattr(each, side) for each in links}) == len(links)


@PATIENT
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_no_other_choice_of_links_is_worth_more(seed, count):
    rng = np.random.default_rng(seed)
    pairs = {(int(before), int(after)) for before, after in rng.integers(0, 5, (count, 2))}
    links = [Link(*pair, float(rng.uniform(0.01, 5.0))) for pair in sorted(pairs)]

    def best(rest: list[Link]) -> float:
        if not rest:
            return 0.0
        first, others = rest[0], rest[1:]
        free = [each for each in others if each.before != first.before and each.after != first.after]
        return max(best(others), first.nats + best(free))

    chosen = _assigned(links, 5)
    assert all(len({getattr(each, side) for each in chosen}) == len(chosen) for side in ("before", "after"))
    assert set(chosen) <= set(links) and sum(each.nats for each in chosen) == pytest.approx(best(links))


def spread_over(cuts):
    return cuts[:: max(1, len(cuts) // PER_TRACK)]


@PATIENT
@given(st.integers(0, 10_000), st.integers(0, 30), st.sampled_from([1, 2, 8]))
def test_gaps_cut_into_tracks_are_missed_as_gaps_between_tracks_are(seed, length, lag):
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.choice(40, length, replace=False))
    leg = Leg(frame, rng.normal(size=(length, 2)), np.ones(2))
    other = Leg(np.arange(12), rng.normal(size=(12, 2)), np.ones(2))
    missed = _missed([other, leg], lag)[0]
    wanted = [
        miss(*(Leg(each.frame[part], each.center[part], each.extent) for part in (slice(cut), slice(back, None))))
        for each in (other, leg)
        for cut in spread_over(range(RECENT, len(each.frame) - RECENT))
        for back in range(cut, len(each.frame) - 1)
        if each.frame[back] == each.frame[cut - 1] + lag
    ]
    np.testing.assert_allclose(missed, np.reshape(wanted, (-1, 2)))


@PATIENT
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_what_is_usual_is_the_median_around(seed, length):
    values = np.random.default_rng(seed).random(length)
    medians = [np.median(values[max(0, at - AROUND) : at + AROUND + 1]) for at in range(length)]
    np.testing.assert_allclose(usual(values), medians)


@PATIENT
@given(
    st.integers(1, 40), st.sampled_from([1, 5, 7, 9, 11]), st.floats(-50, 50), st.floats(-20, 20), st.floats(-0.5, 0.5)
)
def test_smoothing_leaves_rest_to_the_last_bit_and_steady_motion_where_it_is(length, window, start, speed, bend):
    time = np.arange(length, dtype=float)[:, None]
    still = np.full((length, 1), start)
    assert (smooth(still, window) == still).all()
    steady = start + speed * time + bend * time**2
    assert np.allclose(smooth(steady, window), steady, atol=1e-6)


def test_smoothing_takes_jitter_away_and_is_not_used_where_there_is_none():
    rng = np.random.default_rng(0)
    time = np.arange(60.0)[:, None]
    clean = [30 * np.sin(time / 15 + k) for k in range(10)]
    noisy = [values + rng.normal(0, 1.0, values.shape) for values in clean]
    window = window_for(noisy)
    assert window >= 7
    left = [np.abs(smooth(values, window) - true).mean() for values, true in zip(noisy, clean, strict=True)]
    assert np.mean(left) < 0.6 * np.mean(np.abs(np.concatenate(noisy) - np.concatenate(clean)))
    corners = [np.where(time < 30 + k, 0.0, 8.0 * (time - 30 - k)) for k in range(10)]
    bent = [smooth(values, window_for(corners)) for values in corners]
    assert max(np.abs(a - b).max() for a, b in zip(bent, corners, strict=True)) < 4


def test_boxes_cut_by_the_frame_keep_their_edge():
    rng = np.random.default_rng(1)
    walk = path((30.0, 100.0), (1.0, 0.0), range(LENGTH))
    walk[:, 1:3] += rng.normal(0, 1.5, (LENGTH, 2))
    entering = path((0.0, 30.0), (0.0, 0.0), range(LENGTH))
    entering[:, 3] = 10 + np.minimum(np.arange(LENGTH), 30) + rng.normal(0, 1.0, LENGTH)
    revised = revise(table({1: walk, 2: entering}))
    boxes = revised.rows.box_tlwh
    assert revised.window > 1
    assert (boxes[revised.rows.id == 2, 0] == 0).all() and (boxes[:, 2:] > 0).all()


def test_no_rows_and_no_frames_are_a_table_too():
    empty = revise(table({}))
    assert len(empty.rows) == 0 and not empty.joints
    assert revise(Rows(**{**vars(table({})), "seen": np.zeros(0, dtype=bool)})).rows.length == 0


def test_a_known_number_of_individuals_keeps_one_identity_each_through_gaps_in_which_they_turn():
    rng = np.random.default_rng(0)
    paths, looks, truth = {}, {}, {}
    for animal in range(3):
        for part, first in enumerate((0, 25, 50)):
            name = 10 * animal + part
            start = tuple(rng.uniform(40, 180, 2))
            paths[name] = path(start, (0.0, 0.0), range(first, first + 20))
            looks[name], truth[name] = 4.0 * animal - 4, animal
    rows = table(paths, looks)
    # Without the number it cannot be known that nobody came: they vanish and others appear somewhere else.
    assert len(np.unique(revise(rows).rows.id)) > 3
    revised = revise(rows, individuals=3)
    assert revised.keep.all() and sorted(np.unique(revised.rows.id)) == [0, 1, 2]
    pairs = {(truth[int(was)], int(now)) for was, now in zip(rows.id, revised.rows.id, strict=True)}
    assert len(pairs) == 3


def test_what_belongs_to_no_individual_is_left_out_and_counted():
    rows = table({**others(3), 1: path((30.0, 180.0), (2.0, 0.0), range(20, 40))}, {**COLORS, 1: 0.0})
    revised = revise(rows, individuals=3)
    assert revised.dropped == 1 and sorted(np.unique(revised.rows.id[revised.keep])) == [0, 1, 2]
    assert not revised.keep[rows.id == 1].any() and revised.keep[rows.id != 1].all()


@PATIENT
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_individuals_are_never_in_two_places(seed, count):
    rng = np.random.default_rng(seed)
    paths = {
        name: path(tuple(rng.uniform(0, 200, 2)), (0.5, 0.0), range(int(first), int(first) + 12))
        for name, first in enumerate(rng.integers(0, 60, 8))
    }
    revised = revise(table(paths), individuals=count)
    kept = list(zip(revised.rows.frame[revised.keep].tolist(), revised.rows.id[revised.keep].tolist(), strict=True))
    assert len(set(kept)) == len(kept) and {name for _, name in kept} <= set(range(count))


def flickering(*, every: int, score: float, step: float = 0.0) -> Rows:
    """Objects that are there all the time, and identity 7, which is seen in every so many frames only."""
    rows = table(others() | {7: path((250.0, 200.0), (step, 0.0), range(0, LENGTH, every))})
    return replace(rows, score=np.where(rows.id == 7, score, 0.99))


@pytest.mark.parametrize(
    ("rows", "gone"),
    [
        (flickering(every=2, score=0.8), True),
        (flickering(every=1, score=0.8), False),
        (flickering(every=2, score=0.98), False),
        (flickering(every=2, score=0.8, step=-2.0), False),
    ],
    ids=["leaves", "faint but steady", "hidden time and again", "faint and on its way"],
)
def test_what_comes_and_goes_in_one_place_and_explains_little_is_no_object(rows: Rows, gone: bool) -> None:
    revised = revise(rows)
    assert (not revised.keep[rows.id == 7].any()) == gone
    assert revised.keep[rows.id != 7].all()
    assert revised.dropped == gone
