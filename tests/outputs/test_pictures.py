"""Laws of what shows the video: the right frames under the right rows, and nothing left of what is to be hidden."""

import numpy as np
import pytest
from PIL import Image

from scalor.data.video import open_video
from scalor.errors import UserError
from scalor.outputs.export import export
from scalor.outputs.footage import blurred
from scalor.outputs.lettering import lettering
from scalor.outputs.measure import Ground
from scalor.outputs.measured_folder import measure_to_folder
from scalor.outputs.options import Options

from .conftest import blob, toy_tracks, write_folder


def film(folder, video, out, **options) -> list[np.ndarray]:
    path = export(folder, "video", out, options=Options(video=video, **options))
    return [frame.image for frame in open_video(path)]


def test_each_style_draws_its_parts_alone(folder, video, tmp_path):
    plain = film(folder, video, tmp_path / "plain.mp4", style=())
    assert len(plain) == 12 and plain[0].shape == (160, 256, 3)
    changed = {}
    for part in ("masks", "boxes", "ids", "trails"):
        pictures = film(folder, video, tmp_path / f"{part}.mp4", style=(part,))
        gap = [np.abs(a.astype(int) - b).max(axis=2) > 60 for a, b in zip(pictures, plain, strict=True)]
        assert not gap[0].any() and not gap[11].any()  # no row, nothing drawn
        changed[part] = int(sum(each.sum() for each in gap))
    assert all(changed.values()) and len(set(changed.values())) == 4


@pytest.mark.parametrize("blur", ["objects", "background"])
def test_what_is_hidden_cannot_be_told_from_its_neighbours(blur):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 64, 3), dtype=np.uint8)
    tracks = toy_tracks()
    rows = tracks.select(tracks.frame == 7)
    hidden = blurred(picture, rows, blur)
    inside = np.zeros((40, 64), bool)
    for left, top, width, height in rows.box_tlwh:
        inside[int(top) : int(np.ceil(top + height)), int(left) : int(np.ceil(left + width))] = True
    kept, lost = (~inside, inside) if blur == "objects" else (inside, ~inside)
    np.testing.assert_array_equal(hidden[kept], picture[kept])
    assert hidden[lost].astype(float).std() < 0.6 * picture[lost].astype(float).std()
    assert len(np.unique(hidden[lost], axis=0)) <= 16 * len(rows)
    np.testing.assert_array_equal(blurred(picture, rows, "none"), picture)


def test_crops_hold_the_pixels_of_their_box_and_the_mask(folder, video, tmp_path):
    out = export(folder, "crops", tmp_path / "crops", options=Options(video=video))
    tracks = toy_tracks()
    found = sorted(str(file.relative_to(out)) for file in out.rglob("*.png"))
    assert found == sorted(f"{i}/{t + 1:06d}.png" for t, i in zip(tracks.frame, tracks.id, strict=True))
    for row in (0, 7, 19):
        left, top, width, height = tracks.box_tlwh[row]
        crop = np.asarray(Image.open(out / str(tracks.id[row]) / f"{tracks.frame[row] + 1:06d}.png"))
        frame = np.asarray(Image.open(video / f"{tracks.frame[row]:06d}.png"))
        cut = np.s_[int(top) : int(np.ceil(top + height)), int(left) : int(np.ceil(left + width))]
        np.testing.assert_array_equal(crop[..., :3], frame[cut])
        np.testing.assert_array_equal(crop[..., 3] > 0, blob(left, top, width, height)[cut])


def test_the_plot_lies_over_the_video(folder, video, tmp_path):
    without = np.asarray(Image.open(export(folder, "plot", tmp_path / "a.png")))
    out = export(folder, "plot", tmp_path / "b.png", options=Options(video=video))
    assert (np.asarray(Image.open(out)) != without).any(axis=2).mean() > 0.2


def test_a_plot_without_its_video_says_so(folder, tmp_path):
    said: list[str] = []
    export(folder, "plot", tmp_path / "plot.png", options=Options(say=said.append))
    assert len(said) == 1 and "give the video with --video" in said[0]


def test_another_or_no_video_is_refused(folder, video, tmp_path):
    with pytest.raises(UserError, match="give it with --video"):
        export(folder, "video", tmp_path / "a.mp4")
    Image.fromarray(np.zeros((50, 64, 3), np.uint8)).save(tmp_path / "0.png")
    other = tmp_path / "other"
    other.mkdir()
    for number in range(3):
        Image.fromarray(np.zeros((50, 64, 3), np.uint8)).save(other / f"{number}.png")
    with pytest.raises(UserError, match="the video that was tracked is wanted"):
        export(folder, "crops", tmp_path / "c", options=Options(video=other))
    for number in range(5, 12):
        (video / f"{number:06d}.png").unlink()
    with pytest.raises(UserError, match="has 5 frames"):
        export(folder, "crops", tmp_path / "c", options=Options(video=video))
    assert not (tmp_path / "c").exists()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["a$_$", "$x\\frac$", "\u65e5\u672c", "\U0001f41c"])
def test_names_are_drawn_as_they_are(tracks, tmp_path, name):
    folder = write_folder(tmp_path / "tracks", tracks, video=name)
    export(folder, "plot", tmp_path / "plot.png")
    corners = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 20.0]])
    measure_to_folder(folder, tmp_path / "m", ground=Ground(zones={name: corners}, lines={name: corners[:2]}))
    assert (tmp_path / "m" / "measures.png").is_file()


def test_letters_come_from_a_font_that_has_them():
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties, findfont, get_font

    usual = get_font(findfont("DejaVu Sans")).get_charmap().keys()
    other = min(get_font(findfont("STIXGeneral")).get_charmap().keys() - usual)
    for text, more in (("a", 0), (chr(other), 1)):
        with lettering(text):
            assert len(rcParams["font.family"]) == 1 + more
            assert not more or other in get_font(findfont(FontProperties(rcParams["font.family"][1:]))).get_charmap()
