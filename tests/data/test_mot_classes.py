"""Which rows of a truth are to be found: classes by name and number, labels, distractors."""

from pathlib import Path

import pytest

from scalor.data.motchallenge import read_mot, read_truth
from scalor.errors import UserError


def named(path: Path, *kinds: str, column: str = "class") -> Path:
    """A truth of one box each; ids 0, 1, ..."""
    lines = [f"1,{number},{9 * number},5,8,8,1,{kind}" for number, kind in enumerate(kinds)]
    (path / "gt.csv").write_text("\n".join([f"frame,id,left,top,width,height,conf,{column}", *lines]))
    return path / "gt.csv"


def test_classes_may_be_named(tmp_path):
    file, said = named(tmp_path, "pedestrian", "Person on vehicle", "car", "ant", "ant", "", "n/a"), []
    truth = read_truth(file, say=said.append)
    assert (truth.tracks.id.tolist(), truth.distractors.id.tolist()) == ([0, 5, 6], [1])
    assert len(said) == 1 and "left out (1 row of Person on vehicle, 2 rows of ant, 1 row of car)" in said[0]
    assert read_truth(file, classes=[3]).tracks.id.tolist() == [2, 5, 6]
    assert len(read_mot(file)) == 7


def test_a_truth_of_other_classes_is_scored_unless_some_are_asked_for(tmp_path):
    file, said = named(tmp_path, "cell", "mouse", "cell", "reflection"), []
    truth = read_truth(file, say=said.append)
    assert (truth.tracks.id.tolist(), len(truth.distractors)) == ([0, 1, 2, 3], 0)
    assert len(said) == 1 and "all classes are scored (2 rows of cell, 1 row of mouse, 1 row of reflection)" in said[0]
    with pytest.raises(UserError, match="no row of class 1 that counts .2 rows of cell, .*--classes"):
        read_truth(file, classes=[1])
    with pytest.raises(UserError, match="no row of class 1 that counts .1 row of bicycle, .*--classes"):
        read_truth(named(tmp_path, "car", "bicycle"))


@pytest.mark.parametrize(
    ("labels", "cars"),
    [
        (("person", "car"), [1]),
        (("1", "3", "3"), [1, 2]),
        (("", "car", ""), [0, 1, 2]),
        (("1", "3"), None),
        (("17", "3", "3"), None),
        (("", "", ""), None),
        (("track_0", "track_1"), None),
        (("mouse A", "mouse B", ""), None),
        (("A1", "7", "B2"), None),
    ],
)
def test_labels_are_classes_where_they_are_names_or_numbers_of_classes(tmp_path, labels, cars):
    file, said = named(tmp_path, *labels, column="label"), []
    everyone = [*range(len(labels))]
    assert read_truth(file, classes=[3], say=said.append).tracks.id.tolist() == (everyone if cars is None else cars)
    assert ["says no classes" in text for text in said] == [True] * (cars is None)
    assert read_mot(file).id.tolist() == everyone
    assert not said[1:] and (cars is not None or len(read_truth(file).tracks) == len(labels))


def test_names_that_identities_share_are_classes_and_those_of_each_its_own_are_none(tmp_path):
    for labels, classes in ((("dog", "dog", "mouse"), True), (("dog", ""), True), (("mouse A", "mouse B"), False)):
        file, said = named(tmp_path, *labels, column="label"), []
        assert len(read_truth(file, say=said.append).tracks) == len(labels)
        assert ["left out" in text or "all classes are scored" in text for text in said] == [True] * classes, labels
    with pytest.raises(UserError, match="no row of class 1 that counts"):
        read_truth(named(tmp_path, "dog", "dog", column="label"), classes=[1])
    assert len(read_truth(named(tmp_path, "mouse A", "mouse B", column="label"), classes=[1]).tracks) == 2


def test_vehicles_without_motors_are_distractors_of_mot20_only(tmp_path):
    rows = "1,1,10,10,20,40,1,1,1\n1,2,100,10,20,40,0,6,1\n1,3,50,10,20,40,0,7,1\n"
    for name, said, aside in [
        ("MOT20-01", "", [2, 3]),
        ("MOT17-02", "", [3]),
        ("mine", "[Sequence]\nname=MOT20-05\n", [2, 3]),
        ("MOT20-02", "[Sequence]\nname=MOT16-02\n", [3]),
        ("MOT2001", "", [3]),
    ]:
        (tmp_path / name / "gt").mkdir(parents=True)
        (tmp_path / name / "gt" / "gt.txt").write_text(rows)
        if said:
            (tmp_path / name / "seqinfo.ini").write_text(said)
        truth = read_truth(tmp_path / name)
        assert (truth.tracks.id.tolist(), truth.distractors.id.tolist()) == ([1], aside), name
    (tmp_path / "MOT20-01.txt").write_text(rows)
    assert read_truth(tmp_path / "MOT20-01.txt").distractors.id.tolist() == [2, 3]
