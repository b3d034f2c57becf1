"""How well a model tracks digits as there are more of them than it was trained on: a table and JSON.

    python benchmarks/count_curve.py RUN...

Clips of `digits-six` (48 x 48 pixels, digits of 14, MNIST's test split) with 1 to 12 digits instead of 1 to 6.
"""

import argparse
import json
from dataclasses import replace

import torch

from scalor.data.digits import Digits, digits
from scalor.pretrained.store import load
from scalor.tracking.evaluate_clips import evaluate_dataset

COUNTS = (1, 2, 4, 6, 8, 10, 12)
SEED = 7_000_003


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="run folders, or names of packaged weights")
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--json", help="also write the numbers to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = {}
    print("| digits | " + " | ".join(f"{run}: MOTA, frames counted rightly" for run in options.runs) + " |")
    print("|---" * (1 + len(options.runs)) + "|")
    models = {run: load(run)[0].eval() for run in options.runs}
    for count in COUNTS:
        data = Digits(replace(digits("six"), split="test", count=(count, count)), seed=SEED)
        for run, model in models.items():
            scores = evaluate_dataset(model, data, clips=options.clips, frames=10)
            table[f"{run} {count}"] = {"mota": scores["distance"]["mota"], "count_accuracy": scores["count_accuracy"]}
        cells = [table[f"{run} {count}"] for run in models]
        print(f"| {count} | " + " | ".join("{mota:.1%}, {count_accuracy:.1%}".format(**cell) for cell in cells) + " |")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(table, file, indent=2)


if __name__ == "__main__":
    main()
