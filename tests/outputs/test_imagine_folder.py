"""Imagined futures in a folder: its files agree, and the same seed gives the same bytes."""

import json

import numpy as np
import pytest

from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.imagine_folder import FILES, imagine_to_folder

from .conftest import toy_tracks, write_folder


def test_the_folder_holds_a_picture_a_film_and_a_table_that_agree(
    make_model, make_frames, write_clip, write_run, tmp_path
):
    clip, weights, out = write_clip(make_frames(6, 45, 61), broken=(1,)), write_run(make_model()), tmp_path / "out"
    summary = imagine_to_folder(clip, weights, out, observe=3, steps=5, samples=2, device="cpu")
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    table = json.loads((out / "futures.json").read_text())
    assert [(item["sample"], item["step"]) for item in table["futures"]] == [
        (s, k) for s in range(2) for k in range(1, 6)
    ]
    assert [item["frame"] for item in table["observed"]] == [0, 1, 2]
    left, top, width, height = np.array([o["box_tlwh"] for item in table["futures"] for o in item["objects"]]).T
    assert len(left) and (left >= 0).all() and (left + width <= 61.01).all() and (top + height <= 45.01).all()
    assert len(list(open_video(out / "futures.mp4"))) == 8
    assert summary["seed"] == 0 and summary["samples"] == 2
    before = {name: (out / name).read_bytes() for name in FILES}
    imagine_to_folder(clip, weights, out, observe=3, steps=5, samples=2, device="cpu")
    assert {name: (out / name).read_bytes() for name in FILES} == before


def test_the_summary_says_what_was_observed_and_from_how_many_frames_the_scene_is_known(
    make_model, make_frames, write_clip, write_run, tmp_path, capsys
):
    clip, weights = write_clip(make_frames(40, 45, 61)), write_run(make_model(background="median", seed=2), scale=1.0)
    for start in (0, 20):
        folder = tmp_path / str(start)
        summary = imagine_to_folder(clip, weights, folder, start=start, observe=3, steps=2, samples=2, device="cpu")
        assert summary["backdrop"] == f"estimated from {start + 3} frames before the future"
        assert ("estimated from 3 frames, those before the future" in capsys.readouterr().err) == (start == 0)
        table = json.loads((folder / "futures.json").read_text())
        shown, imagined = (
            {each["id"] for item in table[part] for each in item["objects"]} for part in ("observed", "futures")
        )
        assert imagined <= shown and len(imagined) <= summary["objects_observed"] <= len(shown)
    assert table["observed"][0]["objects"] and imagined, "confirmed objects are shown from their first frame on"


def test_a_film_of_wide_frames_is_made_smaller(make_model, make_frames, write_clip, write_run, tmp_path, monkeypatch):
    monkeypatch.setattr("scalor.outputs.imagine_folder.MOST_SIDE", 100)
    clip, weights = write_clip(make_frames(3, 45, 61)), write_run(make_model())
    imagine_to_folder(clip, weights, tmp_path / "out", observe=1, steps=1, samples=3, device="cpu")
    film = open_video(tmp_path / "out" / "futures.mp4")
    assert max(film.height, film.width) == 100


def test_a_folder_of_tracks_is_not_filled_with_futures(make_frames, write_clip, tmp_path):
    folder = write_folder(tmp_path / "tracks", toy_tracks())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match="holds what scalor track wrote"):
        imagine_to_folder(write_clip(make_frames(3, 40, 40)), "traffic", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
