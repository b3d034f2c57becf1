"""The moving picture of the README: the packaged clip tracked with the packaged weights of its name.

python benchmarks/readme_picture.py [--out docs/images/moving.webp]
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image

import scalor
from scalor.data.video import open_video
from scalor.outputs.track_folder import track_to_folder

CLIP = Path(scalor.__file__).parent / "data" / "assets" / "traffic.mp4"
FRAMES, WIDTH, FPS = range(88, 208, 2), 480, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images/moving.webp"))
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        track_to_folder(CLIP, "traffic", Path(folder) / "tracks", device="cpu")
        film = open_video(Path(folder) / "tracks" / "overlay.mp4")
        height = round(WIDTH * film.height / film.width)
        pictures = [
            Image.fromarray(frame.image).resize((WIDTH, height), Image.Resampling.LANCZOS)
            for frame in film.read(FRAMES)
            if frame.image is not None
        ]
    first, *others = pictures
    first.save(out, save_all=True, append_images=others, duration=1000 // FPS, loop=0, quality=55, method=6)
    print(f"{out}: {len(pictures)} frames, {out.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
