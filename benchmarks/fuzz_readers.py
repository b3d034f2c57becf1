"""Fuzz every reader of users' files: damaged videos, pictures, stacks, tables, cards and weights.

python benchmarks/fuzz_readers.py [--minutes M] [--seed S] [--kind KIND ...] [--keep FOLDER]

Valid files are made first, then mutated: bytes flipped, pieces cut out, doubled, swapped, filled, files cut short. A
reader may give a result or a UserError of one sentence. Anything else, and more than LIMIT seconds, is a find: its seed
is printed, and `--seed S --cases 1` makes the same case again. Exit code 1 where something was found.
"""

import argparse
import faulthandler
import hashlib
import json
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scalor.errors import UserError

LIMIT = 60
"""Seconds for one case of a file of a few kilobytes."""
H, W, N = 48, 64, 14
FILMS = {
    "mp4": "libx264", "mkv": "libx264", "ts": "libx264", "flv": "libx264", "mov": "mpeg4", "avi": "mpeg4",
    "mpg": "mpeg2video", "webm": "libvpx", "asf": "wmv2", "gif": "gif", "nut": "ffv1", "h264": "libx264",
}  # fmt: skip
JOINED = {
    "mp4": "libx264", "mkv": "libx264", "flv": "flv", "asf": "wmv2", "ivf": "libvpx", "swf": "flv", "apng": "apng",
    "gif": "gif", "y4m": "wrapped_avframe", "nut": "ffv1", "mxf": "mpeg2video", "wtv": "mpeg2video", "ogv": "libvpx",
}  # fmt: skip
PIXELS = {"gif": "rgb8", "apng": "rgb24"}


def pictures() -> list[np.ndarray]:
    """uint8 [H, W, 3]: a square on its way."""
    frames = np.full((N, H, W, 3), 50, np.uint8)
    for number in range(N):
        frames[number, 10:22, 3 * number : 3 * number + 12] = 220
    return list(frames)


def make_films(folder: Path) -> list[Path]:
    return [make_film(folder / f"film.{ending}", codec) for ending, codec in FILMS.items()]


def make_film(path: Path, codec: str, **how: str) -> Path:
    import av

    with av.open(str(path), "w", options=how) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, PIXELS.get(codec, "yuv420p")
        for picture in pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def make_joined(folder: Path) -> list[Path]:
    """Two films in each file, whose ends are found by walking through their structure."""
    paths = [make_film(folder / f"two.{ending}", codec) for ending, codec in JOINED.items()]
    paths.append(make_film(folder / "fragments.mp4", "libx264", movflags="frag_keyframe+empty_moov"))
    for path in paths:
        path.write_bytes(2 * path.read_bytes())
    return paths


def make_pictures(folder: Path) -> list[Path]:
    """Stacks and moving pictures, and single pictures, which are read as folders of three."""
    import cv2
    from PIL import Image

    pages = [Image.fromarray(picture) for picture in pictures()[:5]]
    for ending in ("tif", "webp", "gif", "png"):
        pages[0].save(folder / f"moving.{ending}", save_all=True, append_images=pages[1:])
    cv2.imwritemulti(str(folder / "deep.tif"), [picture[..., 0].astype(np.uint16) * 99 for picture in pictures()[:5]])
    cv2.imwritemulti(str(folder / "real.tif"), [picture[..., 0].astype(np.float32) / 9 for picture in pictures()[:5]])
    for ending in ("jpg", "png", "bmp", "pgm", "webp", "tga", "jp2", "qoi", "sgi", "pcx"):
        picture = pages[0].convert("L") if ending == "pgm" else pages[0]
        picture.save(folder / f"one.{ending}")
    return sorted(folder.iterdir())


def make_tables(folder: Path) -> list[Path]:
    """Truths and tracks, and the words of a sequence."""
    rng = np.random.default_rng(0)
    rows = [f"{f},{i},{9 * i + f},{5 * i},{8 + i},9" for f in range(1, 9) for i in range(1, 4)]
    for name, tail in {"six": "", "gt": ",1,1,0.9", "mot15": ",1,-2.5,0.1,0.4", "result": ",0.7,-1,-1,-1"}.items():
        (folder / f"{name}.txt").write_text("".join(row + tail + "\n" for row in rows))
    (folder / "tracks.csv").write_text("frame,id,left,top,width,height\n" + "\n".join(rows))
    (folder / "blanks.txt").write_text("\ufeff" + "\r\n".join(row.replace(",", "  ") for row in rows))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=a\nimDir=img1\nframeRate={rng.integers(5, 30)}\nseqLength=9\n"
    )
    return sorted(folder.iterdir())


def make_weights(folder: Path) -> list[Path]:
    """A small model's weights and card; and the plan of a run."""
    from scalor.configs import preset_named
    from scalor.models.scalor import Scalor
    from scalor.pretrained import save
    from scalor.training.checkpoint import Plan, RunFolder

    preset = preset_named("tiny")
    save(Scalor(preset.model), preset.model, folder / "weights.safetensors", {"data": preset.data, "scale": 0.5})
    RunFolder(folder / "plan").claim(Plan(kind="train", preset=preset, seed=0, steps=3, minutes=None))
    return [folder / "weights.safetensors", folder / "card.json", folder / "plan" / "config.json"]


def read_film(path: Path, case: Path) -> None:
    from scalor.data.video import open_video

    source = open_video(path)
    for frame in source:
        assert frame.image is None or frame.image.shape == (source.height, source.width, 3)
        assert np.isfinite(frame.time)
        if frame.index > 500:
            break
    source.report.words()
    source.read([0, 3, source.count() - 1])
    assert source.cut_short in (True, False)


def read_picture(path: Path, case: Path) -> None:
    if path.stem != "one":
        read_film(path, case)
        return
    for number in range(3):
        (case / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    path.unlink()
    read_film(case, case)


def read_table(path: Path, case: Path) -> None:
    from scalor.data.motchallenge import read_mot, read_truth
    from scalor.data.video import open_video
    from scalor.metrics.mot import evaluate

    if path.suffix == ".ini":
        (case / "gt").mkdir()
        (case / "img1").mkdir()
        (case / "img1" / "000001.pgm").write_bytes(b"P5 64 48 255\n" + bytes(64 * 48))
        (case / "gt" / "gt.txt").write_text("1,1,2,3,4,5\n")
        open_video(case)
        read_mot(case)
        return
    evaluate(read_truth(path).tracks, read_mot(path), iou=0.5)


def read_weights(path: Path, case: Path) -> None:
    from scalor.pretrained import load_all
    from scalor.training.checkpoint import RunFolder

    if path.name == "config.json":
        RunFolder(case).plan()
        return
    load_all(case)


Maker, Reader = Callable[[Path], list[Path]], Callable[[Path, Path], None]
KINDS: dict[str, tuple[Maker, Reader]] = {
    "films": (make_films, read_film),
    "pictures": (make_pictures, read_picture),
    "tables": (make_tables, read_table),
    "weights": (make_weights, read_weights),
    "joined": (make_joined, read_film),
}
WORDS = [b"-1", b"0", b"nan", b"1e308", b"99999999999999999999", b"null", b"\xff\xfe", b"\0", b",", b"\n", b'"', b"{"]


def mutated(raw: bytes, rng: np.random.Generator) -> bytes:
    """One to eight random changes."""
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        if not data:
            break
        # The heads of files decide most: half of the changes go there.
        reach = min(len(data), 400) if rng.random() < 0.5 else len(data)
        place, length = int(rng.integers(reach)), int(rng.integers(1, 1 + min(64, len(data))))
        match int(rng.integers(8)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place] = int(rng.integers(256))
            case 2:
                data[place : place + length] = bytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case 5:
                data[place : place + 4] = int(rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000])).to_bytes(4, "big")
            case 6:
                data[place:place] = WORDS[int(rng.integers(len(WORDS)))]
            case _:
                del data[max(1, place) :]
    return bytes(data)


class TooSlow(BaseException):
    """A case took more than LIMIT seconds."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Ends what takes too long; where it hangs outside of Python, the whole process, with its place."""

    def stop(number: int, frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(3 * seconds, exit=True)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def one_case(seed: int, valid: dict[str, list[Path]], *, keep: Path | None = None) -> tuple[str, str]:
    """(kind, outcome): "read", "refused", or a traceback's last lines."""
    rng = np.random.default_rng(seed)
    kind = list(valid)[int(rng.integers(len(valid)))]
    original = valid[kind][int(rng.integers(len(valid[kind])))]
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder)
        if kind == "weights":
            for beside in original.parent.iterdir():
                if beside.is_file():
                    (case / beside.name).write_bytes(beside.read_bytes())
        path = case / original.name
        path.write_bytes(mutated(original.read_bytes(), rng))
        if original.suffix == ".safetensors" and rng.random() < 0.7:  # else the hash keeps everything out
            card = json.loads((case / "card.json").read_text())
            card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            (case / "card.json").write_text(json.dumps(card))
        if keep is not None:
            (keep / f"{seed}-{original.name}").write_bytes(path.read_bytes())
        try:
            with limited(LIMIT):
                KINDS[kind][1](path, case)
            return kind, "read"
        except UserError as error:
            sentence = str(error)
            return kind, "refused" if sentence and "\n" not in sentence else f"not one sentence: {sentence!r}"
        except TooSlow:
            return kind, f"{original.name}: more than {LIMIT} s"
        except Exception:  # noqa: BLE001 - whatever comes is what is looked for
            return kind, f"{original.name}: " + "".join(traceback.format_exc().splitlines(keepends=True)[-8:])


def made(folder: Path, kinds: list[str]) -> dict[str, list[Path]]:
    """The valid files of every kind."""
    valid = {}
    for kind in kinds:
        place = folder / kind
        place.mkdir()
        valid[kind] = KINDS[kind][0](place)
    return valid


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--cases", type=int, default=10**9, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the next ones count up")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--keep", type=Path, default=None, help="folder in which the mutated files are left")
    args = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    finds, seed, end = 0, args.seed, time.monotonic() + 60 * args.minutes
    with tempfile.TemporaryDirectory() as folder:
        valid = made(Path(folder), args.kind)
        while time.monotonic() < end and seed < args.seed + args.cases:
            kind, outcome = one_case(seed, valid, keep=args.keep)
            counts[kind, outcome if outcome in ("read", "refused") else "FOUND"] += 1
            if outcome not in ("read", "refused"):
                finds += 1
                print(f"seed {seed}, {kind}: {outcome}", flush=True)
            seed += 1
    shown = {f"{kind} {outcome}": number for (kind, outcome), number in sorted(counts.items())}
    print(json.dumps({"cases": seed - args.seed, "first_seed": args.seed, "found": finds, **shown}))
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
