"""The sheet of doubts says what can be counted, and shows what is least certain first."""

import numpy as np
import pytest

from scalor.data.video import open_video
from scalor.outputs.doubts import LEAST, MOST, Doubt, Watch
from scalor.outputs.doubts_sheet import exhibits, sheet_of
from scalor.tracking.second_pass import Joint
from scalor.viz.contact import LINE, MARGIN, TILE, contact_sheet
from scalor.viz.draw import track_color

SIZE = (100, 200)
Box = tuple[float, float, float, float]


def add(watch: Watch, boxes: dict[int, Box], scores: dict[int, float]) -> None:
    score = np.array([scores.get(name, 1.0) for name in boxes], dtype=np.float64)
    watch.add(np.array(list(boxes), np.int64), np.array(list(boxes.values()), np.float64).reshape(-1, 4), score)


@pytest.fixture
def trust() -> Watch:
    """Three objects: 0 crosses the view; 1 appears inside, is missed once and vanishes inside; 2 is doubtful once."""
    made = Watch(SIZE)
    for frame in range(20):
        boxes: dict[int, Box] = {0: (10.0 * frame - 5, 10.0, 15.0, 15.0)}
        if 5 <= frame < 15 and frame != 9:
            boxes[1] = (90.0, 40.0, 15.0, 15.0)
        boxes[2] = (0.0, 70.0, 20.0, 20.0)
        add(made, boxes, {2: 0.3} if frame == 12 else {})
    return made


def test_births_and_deaths_away_from_the_edge_and_gaps_are_counted(trust):
    said = trust.summary(trust.doubts())
    assert (said["appear_inside"], said["vanish_inside"], said["gaps"]) == (1, 1, 1)
    assert said["frames_per_track"] == {"shortest": 9, "median": 20.0, "longest": 20}
    assert len(said["score_over_time"]) == 10 and min(said["score_over_time"]) == said["score_over_time"][6]


@pytest.mark.parametrize(("dark", "confirm", "count"), [(0, 1, 0), (0, 2, 0), (3, 1, 0), (3, 2, 0), (3, 0, 1)])
def test_what_is_there_from_the_beginning_has_not_appeared(dark, confirm, count):
    """Nor where the film begins with frames without a picture, or a tracker waits until it is sure."""
    made = Watch(SIZE, start=max(0, confirm - 1))
    for frame in range(12):
        boxes = {0: (90.0, 40.0, 15.0, 15.0)} if frame >= dark + confirm - 1 + 2 * (confirm == 0) else {}
        box = np.array(list(boxes.values()), np.float64).reshape(-1, 4)
        made.add(np.array(list(boxes), np.int64), box, np.ones(len(boxes)), decoded=frame >= dark)
    said = made.summary(made.doubts())
    assert said["appear_inside"] == count and said["start"] == dark + max(0, confirm - 1)


def test_the_worst_comes_first_and_what_is_sure_does_not_come(trust):
    joints = [
        Joint(8, 10, 1, np.array([90.0, 40, 15, 15]), nats=1.0),
        Joint(3, 4, 2, np.array([0.0, 70, 20, 20]), nats=40.0),
    ]
    found = trust.doubts(joints)
    assert [(each.kind, each.frame, each.id) for each in found] == [
        ("faint", 12, 2),
        ("ends", 14, 1),
        ("begins", 5, 1),
        ("returns", 10, 1),
        ("joined", 10, 1),
    ]
    assert [round(each.weight, 2) for each in found] == [0.7, 0.57, 0.47, 0.33, 0.27]
    assert [each.frames for each in found] == [(12,), (14, 15), (4, 5), (8, 10), (8, 10)]
    assert all(each.weight >= LEAST for each in found)
    assert [Doubt.from_dict(each) for each in trust.summary(found)["doubts"]] == [
        Doubt(**{**vars(each), "weight": round(each.weight, 4)}) for each in found
    ]


@pytest.mark.parametrize(("frames", "step", "kinds"), [(100, 0.0, ["still"]), (100, 0.1, []), (40, 0.0, [])])
def test_what_never_moves_in_most_of_the_film_may_be_a_caption(frames: int, step: float, kinds: list[str]) -> None:
    made = Watch(SIZE)
    for frame in range(frames):
        add(made, {0: (40.0 + step * frame + frame % 2, 10.0, 60.0, 12.0)}, {})
    assert [each.kind for each in made.doubts()] == kinds


def test_the_sheet_never_grows_beyond_its_moments():
    made = Watch(SIZE)
    add(made, {}, {})
    add(made, {name: (10.0 + 3 * name, 40.0, 9.0, 9.0) for name in range(40)}, {})
    assert len(made.doubts()) == MOST


def test_a_tracking_without_objects_says_so():
    made = Watch(SIZE)
    add(made, {}, {})
    said = made.summary(made.doubts())
    assert said["frames_per_track"]["longest"] == 0 and said["doubts"] == []
    assert contact_sheet([]).shape[2] == 3


def test_pictures_show_the_moment_s_frames_with_the_box_where_it_is(trust, make_frames, write_clip):
    frames = make_frames(20, *SIZE)
    frames[:] = np.arange(20, dtype=np.uint8)[:, None, None, None] * 5
    source, found = open_video(write_clip(frames)), trust.doubts()
    shown = exhibits(source, found)
    assert [len(each.tiles) for each in shown] == [1, 2, 2, 2]
    for tile, grey in zip(shown[2].tiles, (20, 25), strict=True):
        color = np.array(track_color(1))
        y, x = np.nonzero((tile == color).all(axis=2))
        # A box in the middle of the frame lies in the middle of its tile, a third as high as it.
        assert abs((y.min() + y.max()) / 2 - TILE[0] / 2) < 3 and abs((x.min() + x.max()) / 2 - TILE[1] / 2) < 3
        assert abs((y.max() - y.min()) - TILE[0] / 3) < 4
        assert (tile[y.min() + 5, x.min() + 5] == grey).all()
    sheet = sheet_of(source, found)
    place = sheet[MARGIN + LINE :, 2 * TILE[1] + 4 * MARGIN :][: TILE[0], : TILE[1]]
    assert (place == shown[1].tiles[0]).all()
