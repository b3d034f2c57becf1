"""Weights that are shown a film at another size say so."""

from pathlib import Path

import pytest
from PIL import Image

from scalor import pretrained
from scalor.data.video import open_video
from scalor.tracking.setup import prepare


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (360, 640, ""),
        (180, 640, ""),  # a part of the view
        (180, 320, "in a film made smaller"),
        (1080, 1920, "it takes long"),
    ],
)
def test_the_size_of_a_film_is_doubted_where_objects_would_be_of_other_sizes(
    tmp_path: Path, rows: int, columns: int, words: str
) -> None:
    for number in range(3):
        Image.new("RGB", (columns, rows), (90, 90, 90)).save(tmp_path / f"{number}.png")
    doubt = prepare(pretrained.load_all("traffic"), open_video(tmp_path)).doubt
    assert words in doubt and bool(words) == bool(doubt)
