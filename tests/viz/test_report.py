"""Laws of the report: one file, nothing loaded from elsewhere, bounded size, text cannot break it."""

import base64
import io
import json
import re

import numpy as np
from PIL import Image

from scalor.core.tracks import Tracks
from scalor.viz.report import MOST_PICTURES, write_report


def table(length: int) -> Tracks:
    rows = [(t, i, 2.0 * t, 5.0, 10.0, 20.0, 1.0, 1.0) for t in range(0, length, 2) for i in (4, 11)]
    return Tracks.from_rows(rows, length=length)


def embedded(page: str) -> tuple[list[np.ndarray], list[int]]:
    pictures = re.search(r"const pictures = (\[.*\]);", page).group(1)
    names = re.search(r"const names = (\[.*\]);", page).group(1)
    images = [Image.open(io.BytesIO(base64.b64decode(p))) for p in json.loads(pictures.replace("'", '"'))]
    return [np.asarray(image) for image in images], json.loads(names)


def test_the_slider_shows_frames_spread_over_the_video_under_their_numbers(tmp_path):
    overlays = (np.full((20, 30, 3), t, np.uint8) for t in range(200))
    page = write_report(tmp_path, title="clip", overlays=overlays, tracks=table(200)).read_text()
    pictures, names = embedded(page)
    assert len(names) == len(pictures) == MOST_PICTURES and names[0] == 0 and names[-1] == 199
    assert all(abs(int(picture.mean()) - name) <= 2 for picture, name in zip(pictures, names, strict=True))


def test_large_pictures_are_made_small(tmp_path):
    page = write_report(
        tmp_path, title="clip", overlays=[np.zeros((1000, 2000, 3), np.uint8)], tracks=table(1)
    ).read_text()
    assert embedded(page)[0][0].shape == (360, 720, 3)


def test_the_page_needs_nothing_from_elsewhere_and_text_cannot_break_it(tmp_path):
    page = write_report(
        tmp_path,
        title="<script>bad</script>",
        overlays=[],
        tracks=table(4),
        scores={"MOTA": 0.87654, "a<b": "x"},
        notes=["1 < 2"],
    ).read_text()
    assert "<script>" not in page and "http" not in page and "1 &lt; 2" in page
    assert "0.8765" in page and "a&lt;b" in page


def test_every_identity_has_a_row_with_its_size_and_speed(tmp_path):
    page = write_report(tmp_path, title="clip", overlays=[], tracks=table(10)).read_text()
    assert "2 identities in 10 frames" in page
    assert page.count("<td>0</td><td>8</td><td>5</td><td>10 x 20</td><td>2.0</td>") == 2


def test_a_video_without_objects_says_so(tmp_path):
    page = write_report(tmp_path, title="clip", overlays=[], tracks=Tracks.from_rows([], length=3)).read_text()
    assert "No objects were found" in page
