"""Count how often frames that damage takes from the middle of a film go missing, or shift the others, without a word.

python benchmarks/harmed_films.py [--cases N] [KIND ...]

Films of 30 numbered pictures are made, each picture from no other. A piece of the bytes is zeroed, overwritten, cut
out or put in, at N seeded places each. Printed per kind of file: cases, those refused, those in which frames were
missing or more than three had another number (harmed), and those of them of which nothing was said (silent).
"""

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

import av
import av.logging
import numpy as np

from scalor.data.video import open_video
from scalor.errors import UserError

H, W, FRAMES = 64, 96, 30
KINDS = {
    "avi": "mjpeg", "ogv": "libvpx", "flv": "flv", "nut": "mjpeg", "mpg": "mpeg1video", "mkv": "mjpeg",
    "ts": "mpeg2video", "mp4": "mpeg4", "ismv": "mpeg4", "mxf": "mpeg2video", "asf": "msmpeg4", "m2v": "mpeg2video",
    "h264": "libx264", "mjpeg": "mjpeg",
}  # fmt: skip
STRANGE = 3
"""Pictures that may be taken for another one because their own pixels are damaged."""


def picture(number: int) -> np.ndarray:
    """uint8 [H, W, 3] with a bright square whose left edge is 2 * number."""
    image = np.full((H, W, 3), 40, np.uint8)
    image[10:26, 2 * number : 2 * number + 16] = 230
    return image


def shown(image: np.ndarray) -> int:
    """The number of a picture."""
    return int(np.argmax(np.convolve(image[10:26].astype(float).mean((0, 2)), np.ones(16), "valid"))) // 2


def film(path: Path, codec: str) -> bytes:
    """The bytes of a whole film."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.gop_size = W, H, 1
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def harmed(raw: bytes, chance: random.Random) -> bytes:
    """The bytes with a piece of 64 or 600 zeroed, overwritten, cut out or put in, not in the first fifth."""
    at, length = chance.randrange(len(raw) // 5, len(raw) * 9 // 10), chance.choice([64, 600])
    noise = bytes(chance.randrange(256) for _ in range(length))
    way = chance.randrange(4)
    return raw[:at] + (bytes(length), noise, b"", noise)[way] + raw[at if way == 3 else at + length :]


def outcome(path: Path) -> str:
    """sound, refused, told or silent."""
    try:
        source = open_video(path)
        numbers = [None if frame.image is None else shown(frame.image) for frame in source]
    except UserError:
        return "refused"
    strange = sum(number not in (None, place) for place, number in enumerate(numbers))
    if len(numbers) >= FRAMES and strange <= STRANGE:
        return "sound"
    report = source.report
    return "silent" if report.clean and not report.pauses and not report.notes else "told"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", metavar="KIND", nargs="*", help=f"of {', '.join(KINDS)} (default: all)")
    parser.add_argument("--cases", metavar="N", type=int, default=60, help="of each kind (default: 60)")
    options = parser.parse_args()
    av.logging.set_level(None)
    print(f"{'kind':<6} {'cases':>6} {'refused':>8} {'harmed':>7} {'silent':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds or KINDS:
            path = Path(folder) / f"film.{kind}"
            raw, count = film(path, KINDS[kind]), Counter[str]()
            for seed in range(options.cases):
                path.write_bytes(harmed(raw, random.Random(f"{kind} {seed}")))
                count[outcome(path)] += 1
            lost = count["told"] + count["silent"]
            print(f"{kind:<6} {options.cases:>6} {count['refused']:>8} {lost:>7} {count['silent']:>7}", flush=True)


if __name__ == "__main__":
    main()
