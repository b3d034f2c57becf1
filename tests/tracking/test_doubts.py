"""The sheet of doubts says what can be counted, and shows what is least certain first."""

import numpy as np
import pytest

from scalor.data.video import open_video
from scalor.tracking.doubts import LEAST, MOST, Trust, exhibits
from scalor.tracking.masks import PatchMasks
from scalor.tracking.report import FrameResult
from scalor.tracking.second_pass import Joint
from scalor.viz.contact import LINE, MARGIN, TILE, contact_sheet
from scalor.viz.draw import track_color

SIZE = (100, 200)
Box = tuple[float, float, float, float]


def report(frame: int, boxes: dict[int, Box], scores: dict[int, float]) -> FrameResult:
    count = len(boxes)
    return FrameResult(
        index=frame,
        ids=np.array(list(boxes), dtype=np.int64),
        box_tlwh=np.array(list(boxes.values()), dtype=np.float64).reshape(-1, 4),
        score=np.array([scores.get(name, 1.0) for name in boxes], dtype=np.float64),
        visibility=np.ones(count),
        masks=PatchMasks(np.zeros((count, 1, 1), bool), np.zeros((count, 2), np.int64), SIZE),
    )


@pytest.fixture
def trust() -> Trust:
    """Three objects: 0 crosses the view; 1 appears inside, is missed once and vanishes inside; 2 is doubtful once."""
    made = Trust(SIZE)
    for frame in range(20):
        boxes: dict[int, Box] = {0: (10.0 * frame - 5, 10.0, 15.0, 15.0)}
        if 5 <= frame < 15 and frame != 9:
            boxes[1] = (90.0, 40.0, 15.0, 15.0)
        boxes[2] = (0.0, 70.0, 20.0, 20.0)
        made.add(report(frame, boxes, {2: 0.3} if frame == 12 else {}))
    return made


def test_births_and_deaths_away_from_the_edge_and_gaps_are_counted(trust):
    said = trust.summary(trust.moments())
    assert (said["appear_inside"], said["vanish_inside"], said["gaps"]) == (1, 1, 1)
    assert said["frames_per_track"] == {"shortest": 9, "median": 20.0, "longest": 20}
    assert len(said["score_over_time"]) == 10 and min(said["score_over_time"]) == said["score_over_time"][6]


def test_the_worst_comes_first_and_what_is_sure_does_not_come(trust):
    joints = [
        Joint(8, 10, 1, np.array([90.0, 40, 15, 15]), nats=1.0),
        Joint(3, 4, 2, np.array([0.0, 70, 20, 20]), nats=40.0),
    ]
    moments = trust.moments(joints)
    assert [(each.frame, each.id) for each in moments] == [(12, 2), (5, 1), (14, 1), (10, 1)]
    assert [round(each.doubt, 2) for each in moments] == [0.7, 0.5, 0.5, 0.27]
    assert moments[1].shown == (4, 5) and moments[2].shown == (14, 15) and moments[3].shown == (8, 10)
    assert all(each.doubt >= LEAST for each in moments)


def test_the_sheet_never_grows_beyond_its_moments():
    made = Trust(SIZE)
    made.add(report(0, {}, {}))
    made.add(report(1, {name: (10.0 + 3 * name, 40.0, 9.0, 9.0) for name in range(40)}, {}))
    assert len(made.moments()) == MOST


def test_a_tracking_without_objects_says_so():
    made = Trust(SIZE)
    made.add(report(0, {}, {}))
    said = made.summary(made.moments())
    assert said["frames_per_track"]["longest"] == 0 and said["least_certain"] == []
    assert contact_sheet([]).shape[2] == 3


def test_pictures_show_the_moment_s_frames_with_the_box_where_it_is(trust, make_frames, write_clip):
    frames = make_frames(20, *SIZE)
    frames[:] = np.arange(20, dtype=np.uint8)[:, None, None, None] * 5
    shown = exhibits(open_video(write_clip(frames)), trust.moments())
    assert [len(each.pictures) for each in shown] == [1, 2, 2]
    assert (shown[1].pictures[0] == 20).all() and (shown[1].pictures[1] == 25).all()
    sheet = contact_sheet(shown)
    second = sheet[MARGIN + LINE :, 2 * TILE[1] + 4 * MARGIN :][: TILE[0], : TILE[1]]
    color = np.array(track_color(1))
    y, x = np.nonzero((second == color).all(axis=2))
    # A box in the middle of the frame lies in the middle of its tile, a third as high as it.
    assert abs((y.min() + y.max()) / 2 - TILE[0] / 2) < 3 and abs((x.min() + x.max()) / 2 - TILE[1] / 2) < 3
    assert abs((y.max() - y.min()) - TILE[0] / 3) < 4
    assert (second[y.min() + 5, x.min() + 5] == 20).all()
