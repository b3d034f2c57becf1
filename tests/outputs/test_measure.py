"""Laws of the measures: right on paths whose numbers are known, the same wherever and however the world is turned."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalor.core.polygons import within
from scalor.core.tracks import Tracks
from scalor.errors import UserError
from scalor.outputs.measure import Ground, crossings, line_of, measure_rows, nearest, zone_of
from scalor.outputs.measured_folder import measure_to_folder
from scalor.outputs.pixels import areas
from scalor.outputs.tracked import Tracked, read_tracked

from .conftest import rle, toy_tracks, write_folder


def path(points: list[tuple[float, float]], *, identity: int = 4, frames: list[int] | None = None) -> Tracks:
    frames = frames or list(range(len(points)))
    rows = [(t, identity, x - 2, y - 1, 4.0, 2.0, 1.0, 1.0) for t, (x, y) in zip(frames, points, strict=True)]
    return Tracks.from_rows(rows, length=frames[-1] + 1)


def tracked(tracks: Tracks, times: np.ndarray | None = None) -> Tracked:
    times = np.arange(tracks.length) / 10 if times is None else times
    return Tracked(tracks, times, {"width": 64, "height": 40, "fps": 10.0, "frames": tracks.length})


def test_a_square_walk_has_right_turns_and_known_speeds():
    rows = measure_rows(tracked(path([(10, 10), (20, 10), (20, 20), (10, 20)])), Ground())
    np.testing.assert_allclose(rows.step, [np.nan, 10, 10, 10])
    np.testing.assert_allclose(rows.speed, [np.nan, 100, 100, 100])
    np.testing.assert_allclose(rows.turn, [np.nan, np.nan, 90, 90])  # y points down: to the right
    np.testing.assert_allclose(rows.area, 8)


def test_who_stands_still_has_no_direction_to_turn_from():
    rows = measure_rows(tracked(path([(10, 10), (20, 10), (20, 10), (20, 20)])), Ground())
    assert np.isnan(rows.turn).all() and rows.step[2] == 0 and rows.speed[2] == 0


def test_speed_uses_the_frames_own_times_also_over_gaps():
    table = path([(0, 0), (6, 8), (6, 28)], frames=[0, 1, 3])
    rows = measure_rows(tracked(table, np.array([0.0, 2.0, 2.5, 4.0])), Ground())
    np.testing.assert_allclose(rows.speed, [np.nan, 5, 10])


@given(st.floats(0.1, 50))
def test_millimetres_scale_lengths_and_areas(scale):
    table = tracked(path([(10, 10), (20, 10), (20, 20)]))
    px, mm = measure_rows(table, Ground()), measure_rows(table, Ground(px_per_mm=scale))
    for name, power in {"x": 1, "y": 1, "step": 1, "speed": 1, "area": 2, "turn": 0}.items():
        np.testing.assert_allclose(getattr(mm, name) * scale**power, getattr(px, name))


points = st.tuples(st.integers(0, 60), st.integers(0, 60))


@given(st.lists(points, min_size=3, max_size=8, unique=True), st.integers(1, 3))
def test_a_turned_and_shifted_world_has_the_same_steps_and_turns(walk, quarters):
    turned = [(100 + (x, -y, -x, y)[quarters], 200 + (y, x, -y, -x)[quarters]) for x, y in walk]
    if quarters == 2:
        turned = [(100 - x, 200 - y) for x, y in walk]
    elif quarters == 1:
        turned = [(100 - y, 200 + x) for x, y in walk]
    else:
        turned = [(100 + y, 200 - x) for x, y in walk]
    one, two = (measure_rows(tracked(path(each)), Ground()) for each in (walk, turned))
    np.testing.assert_allclose(one.step, two.step)
    gap = (one.turn - two.turn + 180) % 360 - 180
    np.testing.assert_allclose(gap[~np.isnan(gap)], 0, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(one.turn), np.isnan(two.turn))


@given(st.lists(st.tuples(st.integers(0, 2), points), min_size=1, max_size=12, unique=True))
def test_the_nearest_neighbour_is_the_one_that_brute_force_finds(things):
    rows = [(t, number, x, y, 2.0, 2.0, 1.0, 1.0) for number, (t, (x, y)) in enumerate(things)]
    table = Tracks.from_rows(rows, length=3)
    neighbour, distance = nearest(table)
    for row in range(len(table)):
        others = np.flatnonzero((table.frame == table.frame[row]) & (np.arange(len(table)) != row))
        if not len(others):
            assert neighbour[row] == -1 and np.isnan(distance[row])
            continue
        gaps = np.linalg.norm(table.center[others] - table.center[row], axis=1)
        assert neighbour[row] in others and distance[row] == pytest.approx(gaps.min())


@given(st.lists(points, min_size=1, max_size=20), st.integers(5, 20), st.integers(25, 40))
def test_a_point_is_in_a_rectangle_or_in_its_complement(places, low, high):
    _, box = zone_of(f"z={low},{low},{high},{high}")
    inside = within(np.array(places, float), box)
    assert inside.tolist() == [low <= x < high and low <= y < high for x, y in places]


@given(st.lists(points, min_size=2, max_size=12), st.integers(1, 59))
def test_crossings_to_and_fro_add_up_to_where_a_track_ends(walk, at):
    line = np.array([[-10.0, at + 0.5], [100.0, at + 0.5]])
    _, direction = crossings(path(walk), line)
    below = [y > at + 0.5 for _, y in (walk[0], walk[-1])]
    assert int(direction.sum()) == below[1] - below[0]
    backwards = crossings(path(walk), line[::-1])[1]
    assert backwards.tolist() == (-direction).tolist()


def test_a_line_is_crossed_only_where_it_is():
    table = path([(5, 5), (5, 15), (30, 15), (30, 5)])
    rows, direction = crossings(table, np.array([[0.0, 10.0], [10.0, 10.0]]))
    assert rows.tolist() == [1] and direction.tolist() == [1]


@pytest.mark.parametrize("text", ["a", "=1,2,3,4", "a=1,2,3", "a=1,x", "a=1,2", "a=", "a=1,2,nan,3"])
def test_a_zone_or_line_that_is_none_is_refused(text):
    for read in (zone_of, line_of):
        with pytest.raises(UserError, match="is wanted|are wanted"):
            read(text)


@pytest.mark.parametrize("text", ["a=5,5,5,9", "a=5,5,5,5", "a=0,0,4,4,9,9"])
def test_a_zone_without_area_is_refused(text):
    with pytest.raises(UserError, match="has no area"):
        zone_of(text)


@pytest.mark.parametrize("number", [0.0, -1.0, np.inf, np.nan, 1e-320, 1e300])
def test_a_scale_that_is_none_is_refused(number):
    with pytest.raises(UserError, match="pixels per millimetre"):
        Ground(number)


def table_of(file) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_tables_of_a_folder_hold_known_numbers(folder, tmp_path):
    _, zone = zone_of("pond=0,0,32,40")
    _, line = line_of("gate=32,0,32,40")
    done = measure_to_folder(
        folder, tmp_path / "m", ground=Ground(px_per_mm=2.0, zones={"pond": zone}, lines={"gate": line})
    )
    assert done["tracks"] == 3 and done["crossings"] == {"gate": 2}
    walker, other, short = table_of(tmp_path / "m" / "per_track.csv")
    assert walker["id"] == "0" and walker["frames"] == "10" and float(walker["duration_s"]) == pytest.approx(0.9)
    assert float(walker["path_mm"]) == float(walker["net_mm"]) == pytest.approx(18)
    assert float(walker["mean_speed_mm_per_s"]) == pytest.approx(20) and float(walker["straightness"]) == 1
    assert float(walker["seconds_in_pond"]) == pytest.approx(0.6)  # centre 7 + 4 t below 32: frames 1 to 6
    assert (walker["crossings_gate_right"], walker["crossings_gate_left"]) == ("0", "1")
    assert (other["crossings_gate_right"], other["crossings_gate_left"]) == ("1", "0")
    assert short["frames"] == "2"
    counts = table_of(tmp_path / "m" / "counts.csv")
    assert [int(row["objects"]) for row in counts] == [0, 2, 2, 2, 2, 1, 1, 3, 3, 2, 2, 0]
    events = table_of(tmp_path / "m" / "crossings.csv")
    assert [(row["id"], row["to_side"]) for row in events] == [("0", "left"), ("3", "right")]
    assert len(table_of(tmp_path / "m" / "per_frame.csv")) == 20
    assert (tmp_path / "m" / "measures.png").stat().st_size > 10_000


def test_the_times_of_a_long_film_keep_their_frames_apart(tmp_path):
    times = 360_000 + 0.04 * np.arange(12)
    folder = write_folder(tmp_path / "tracks", toy_tracks(), times=times)
    measure_to_folder(folder, tmp_path / "m", ground=Ground())
    assert [float(row["time_s"]) for row in table_of(tmp_path / "m" / "counts.csv")][1:11] == pytest.approx(
        times[1:11].tolist(), abs=1e-3
    )


def test_a_video_without_objects_has_empty_tables(tmp_path):
    folder = write_folder(tmp_path / "tracks", toy_tracks().select(np.arange(0)))
    measure_to_folder(folder, tmp_path / "m", ground=Ground())
    assert table_of(tmp_path / "m" / "per_track.csv") == []
    assert len(table_of(tmp_path / "m" / "counts.csv")) == 12


def test_boxes_measure_where_there_are_no_masks(folder):
    (folder / "masks.json").unlink()
    rows = measure_rows(read_tracked(folder), Ground())
    np.testing.assert_allclose(np.sort(rows.area)[-1], 96.0)


def test_a_row_that_was_added_by_hand_measures_by_its_box(folder):
    with (folder / "tracks.csv").open("a") as table:
        table.write("12,5,3,4,6,7\n")
    added = read_tracked(folder)
    assert measure_rows(added, Ground()).area[-1] == 42.0 == areas(added.tracks)[-1]


def test_a_mask_that_shows_no_pixel_measures_as_none_does(tmp_path):
    tracks = toy_tracks()
    tracks.masks[2] = rle(np.zeros((40, 64), bool))
    area = measure_rows(read_tracked(write_folder(tmp_path / "tracks", tracks)), Ground()).area
    np.testing.assert_allclose(area[2], tracks.box_tlwh[2, 2:].prod())
    assert (area[:2] < tracks.box_tlwh[:2, 2:].prod(axis=1)).all()
    done = measure_to_folder(tmp_path / "tracks", tmp_path / "m", ground=Ground())
    assert done["without_mask"] == 1


def test_a_film_with_repeated_frames_has_the_speeds_and_turns_of_its_own_frames():
    walk = [(10, 10), (20, 10), (20, 20), (10, 20)]
    own = measure_rows(tracked(path(walk), np.arange(4) / 5), Ground())
    twice = tracked(path([point for point in walk for _ in range(2)]))
    twice = Tracked(twice.tracks, twice.times, {**twice.summary, "repeats": [1, 3, 5, 7]})
    rows = measure_rows(twice, Ground())
    for name in ("step", "speed", "turn"):
        np.testing.assert_allclose(getattr(rows, name)[::2], getattr(own, name))
        assert np.isnan(getattr(rows, name)[1::2]).all()


def test_a_track_that_a_correction_begins_in_a_repeated_frame_is_measured_from_there():
    table = tracked(path([(10, 10), (10, 10), (20, 10)]).select(np.array([1, 2])))
    rows = measure_rows(Tracked(table.tracks, table.times, {**table.summary, "repeats": [1]}), Ground())
    np.testing.assert_allclose(rows.step, [np.nan, 10])


def test_a_line_on_the_edge_of_the_picture_is_not_outside():
    ground = Ground(lines={"edge": np.array([[0.0, 0], [50, 0]]), "beyond": np.array([[0.0, -1], [50, -1]])})
    assert ground.outside((40, 50)) == ["beyond"]
