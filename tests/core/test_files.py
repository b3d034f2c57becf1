"""Files of texts appear whole, under any name and with names of any encoding in them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scalor.core.files import put_text
from scalor.viz.export import write_text


@pytest.mark.parametrize("write", [put_text, write_text])
def test_names_that_are_no_utf8_are_written_as_escapes(tmp_path: Path, write: Callable[[Path, str], object]) -> None:
    place = tmp_path / os.fsdecode(b"\xe4.txt")
    write(place, "über " + os.fsdecode(b"fr\xfch.mp4"))
    assert place.read_text(encoding="utf-8") == "über fr\\udcfch.mp4"
    assert os.listdir(tmp_path) == [place.name]
