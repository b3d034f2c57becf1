"""A small folder of tracks as `scalor track` writes it, with everything that formats trip over, and its video."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from scalor.cli.main import main
from scalor.core.tracks import Tracks
from scalor.outputs.sheets import write_tables
from scalor.outputs.tracked import Tracked, read_tracked
from scalor.viz.export import write_summary_json

from ..tracking.conftest import make_frames, make_model, write_clip, write_run  # noqa: F401
from .onnx_file import COMMAND

H, W, LENGTH = 40, 64, 12


def rle(mask: np.ndarray) -> dict:
    packed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in packed["size"]], "counts": packed["counts"].decode()}


def blob(left: float, top: float, width: float, height: float) -> np.ndarray:
    """An ellipse that fills a box, bool [H, W]."""
    y, x = np.ogrid[:H, :W]
    dx, dy = (x + 0.5 - left - width / 2) / (width / 2), (y + 0.5 - top - height / 2) / (height / 2)
    return dx**2 + dy**2 <= 1


def toy_tracks() -> Tracks:
    """Identity 0 from frame 1 on, 3 with a gap of two frames, 70000 short; frames 0 and 11 empty; half pixels."""
    rows = []
    for t in range(1, 11):
        rows.append((t, 0, 2.5 + 4 * t, 5.25, 9.0, 7.5))
        if t not in (5, 6):
            rows.append((t, 3, 50.0 - 3 * t, 20.0, 8.0, 12.0))
        if t in (7, 8):
            rows.append((t, 70000, 1.0, 30.0 - t, 5.5, 6.0))
    masked = [(*row, 0.9, 0.75, rle(blob(*row[2:]))) for row in rows]
    return Tracks.from_rows(masked, length=LENGTH, masks=True)


def write_folder(folder: Path, tracks: Tracks, *, times: np.ndarray | None = None, **summary: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_tables(folder, tracks, times=times, fps=10)
    if tracks.masks is None:
        (folder / "masks.json").unlink()
    about = {
        "made_by": "scalor track 0",
        "video": "toy",
        "frames": tracks.length,
        "fps": 10.0,
        "width": W,
        "height": H,
        "box_base": 1,
    }
    write_summary_json(folder / "summary.json", {**about, **summary})
    return folder


@pytest.fixture
def tracks() -> Tracks:
    return toy_tracks()


@pytest.fixture
def folder(tmp_path: Path, tracks: Tracks) -> Path:
    return write_folder(tmp_path / "tracks", tracks)


@pytest.fixture
def tracked(folder: Path) -> Tracked:
    return read_tracked(folder)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Frames whose every pixel tells its place, with a bright blob where identity 0 is."""
    place = tmp_path / "toy"
    place.mkdir()
    tracks = toy_tracks()
    for t in range(LENGTH):
        x, y = np.meshgrid(np.arange(W), np.arange(H))
        picture = np.stack([x * 2, y * 3, np.full_like(x, 10 * t)], axis=2).astype(np.uint8)
        for box in tracks.box_tlwh[(tracks.frame == t) & (tracks.id == 0)]:
            picture[blob(*box)] = 255
        Image.fromarray(picture).save(place / f"{t:06d}.png")
    return place


@pytest.fixture
def write_film(tmp_path: Path) -> Callable[..., Path]:
    """Writes frames as a film that shows each at its own time, in seconds."""

    def write(frames: np.ndarray, times: Sequence[float]) -> Path:
        place, base = tmp_path / "varying.mp4", Fraction(1, 1000)
        with av.open(str(place), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt, stream.codec_context.time_base = "yuv420p", base
            for image, time in zip(frames, times, strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = round(time * 1000), base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return place

    return write


@pytest.fixture(scope="session")
def onnx_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sprites-md as step.onnx, written once by the command of the docs, which takes a minute."""
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    folder = tmp_path_factory.mktemp("onnx")
    assert main([word if word != "step.onnx" else str(folder / word) for word in COMMAND]) == 0
    return folder / "step.onnx"
