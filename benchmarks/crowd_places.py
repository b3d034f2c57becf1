"""The made crowd's eight places as clips with truth, to learn from together: python benchmarks/crowd_places.py FOLDER

Writes FOLDER/place0 ... place7, each with its frames in img1/ and its truth in gt/gt.txt (people of whom a quarter is
seen), and prints the commands that learn from them, follow the people and score the tracks.
"""

import argparse
from functools import partial
from pathlib import Path

from scalor.experiments.study_footage import made_places


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--frames", type=int, default=160)
    asked.add_argument("--side", type=int, default=128, choices=(128, 256), help="of the frames in pixels")
    given = asked.parse_args()
    data = "crowd-hard" if given.side == 128 else "crowd-hard-256"
    made_places(given.folder, frames=given.frames, say=partial(print, flush=True), data=data)
    folder = given.folder
    print(f"scalor fit {folder}/place* -o {folder}/run --steps 800 --threads 1")
    print(f"scalor track {folder}/place0 -w {folder}/run -o {folder}/out0          # or --method mog2-sort")
    print(f"scalor evaluate --truth {folder}/place0/gt/gt.txt --tracks {folder}/out0/tracks.txt --iou 0.5")


if __name__ == "__main__":
    main()
