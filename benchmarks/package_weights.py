"""Score a run on held-out clips and put it among the packaged weights, with everything its card should say.

python benchmarks/package_weights.py RUN NAME "COMMAND THAT MADE IT" [CLIPS]
COMMAND may be several, joined by " && ", of which each goes on from the weights of the one before.

python benchmarks/package_weights.py NAME NAME "COMMAND THAT MADE IT" [CLIPS]    # scores packaged weights again
"""

import json
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scalor.configs import data_named
from scalor.models.scalor import Scalor
from scalor.pretrained import load_all, save
from scalor.tracking.behavior import behavior
from scalor.tracking.calibration import fitted, reports
from scalor.tracking.evaluate_clips import evaluate_dataset
from scalor.training.validation import VALIDATION_SEED

HELD_OUT = 7_000_003
"""Seed of the clips that cards are scored on; no choice was made on them."""

CHECK = 16
"""So many clips are scored again by the tests, and must not score less than when they were packaged."""

PACKAGED = Path(__file__).parents[1] / "src" / "scalor" / "pretrained" / "weights"


def scores(found: dict[str, Any]) -> dict[str, float]:
    """The few numbers a card repeats."""
    near, tight = found["distance"], found["iou"]
    return {
        "mota": near["mota"],
        "precision": near["precision"],
        "recall": near["recall"],
        "idf1": near["idf1"],
        "mota_strict": found["distance_strict"]["mota"],
        "precision_strict": found["distance_strict"]["precision"],
        "recall_strict": found["distance_strict"]["recall"],
        "hota_iou": tight["hota"],
        "mota_iou_0.5": tight["mota"],
        "count_mae": found["count_mae"],
        "mse": found["mse"],
        "fg_ari": found["fg_ari"],
        "mask_iou": found["mask_iou"],
        "duplicates_per_frame": found["duplicates_per_frame"],
        "propagation_rate": found["propagation_rate"],
    }


def scored(model: Scalor, data: str, clips: int) -> dict[str, float]:
    """Scores of the first ``clips`` held-out clips of 10 frames."""
    found = evaluate_dataset(model, data_named(data, HELD_OUT, split="test"), clips=clips, frames=10)
    return {key: round(value, 5) for key, value in scores(found).items()}


def laws(model: Scalor, data: str) -> dict[str, float]:
    """How the weights behave, and how well their confidence parts true reports from false ones, on held-out clips."""
    clips = data_named(data, HELD_OUT, split="test")
    found = reports(model, clips, clips=CHECK)
    measured = asdict(behavior(model, clips, clips=CHECK)) | {"confidence_auc": found.auc(found.confidence)}
    return {key: round(float(value), 4) for key, value in measured.items()}


def main(run: str, name: str, command: str, clips: int = 100) -> None:
    loaded = load_all(run)
    fields = {key: value for key, value in loaded.card.items() if key not in ("config", "sha256", "half", "parameters")}
    fields |= {"command": command, "licence": "MIT"}
    trained = [float(minutes) for minutes in re.findall(r"--minutes (\S+)", command)]
    if "--from" in command:  # the card of the last training knows its own part only
        fields["minutes"] = sum(trained)
        fields["seed"] = int(re.findall(r"--seed (\S+)", command)[0])
    # What was trained with all of MNIST is scored, as users can, with the pictures in the package.
    fields["data"], _, pictures = fields["data"].partition(":")
    fields |= {"pictures": pictures} if pictures else {}
    target, config = PACKAGED / f"{name}.safetensors", loaded.model.config
    path = save(loaded.model, config, target, fields, half=True, extra=loaded.extra)
    if fields["kind"] == "train":
        validation = data_named(fields["data"], VALIDATION_SEED)
        config = replace(config, confidence=fitted(reports(load_all(path).model, validation, clips=4 * CHECK)))
        path = save(loaded.model, config, target, fields, half=True, extra=loaded.extra)
        model = load_all(path).model.eval()  # as users get it, in half precision
        fields["behavior"] = laws(model, fields["data"])
        fields["scores"] = scored(model, fields["data"], clips)
        fields["scored_on"] = {"data": fields["data"], "seed": HELD_OUT, "clips": clips, "frames": 10}
        fields["check"] = {"clips": CHECK, "scores": scored(model, fields["data"], CHECK)}
        path = save(loaded.model, config, target, fields, half=True, extra=loaded.extra)
    print(json.dumps(fields.get("scores", {}), indent=2), path)


if __name__ == "__main__":
    main(*sys.argv[1:4], *(int(text) for text in sys.argv[4:]))
