"""`readme`: the card of weights as people read it, with the head that the Hugging Face Hub reads."""

import json
from collections.abc import Mapping
from typing import Any

TAGS = ("object-centric-learning", "multi-object-tracking", "instance-segmentation", "unsupervised", "video", "scalor")
FACTS = {
    "data": "learned from",
    "kind": "made by",
    "command": "command",
    "seed": "seed",
    "steps": "steps",
    "minutes": "minutes",
    "parameters": "parameters",
    "scalor": "scalor",
    "torch": "torch",
    "health": "health",
}
"""What of a card goes into the table, and what it is called there."""
USE = """```python
import scalor

tracker = scalor.Tracker.from_pretrained("PLACE")
for frame in frames:  # uint8 [H, W, 3], RGB
    detections = tracker.update(frame)
```

or, with a copy of these files in a folder, `scalor track my.mp4 -w FOLDER -o tracks`."""


def readme(card: Mapping[str, Any], place: str) -> str:
    """Markdown with a YAML head, from the fields of a card; what a card does not say is not made up.

    ``place`` is the folder, or the repository of the Hub.
    """
    name = str(card.get("name") or "weights of scalor")
    licence = card.get("licence")
    head = ["---", "library_name: scalor", *([f"license: {json.dumps(str(licence).lower())}"] if licence else [])]
    head += ["tags:", *(f"  - {tag}" for tag in TAGS), "---"]
    parts = [
        "\n".join(head),
        f"# {name}",
        "Finds, segments, tracks and predicts the objects of a video. Learned without labels with "
        "[SCALOR](https://arxiv.org/abs/1910.02384) (Jiang, Janghorbani, de Melo, Ahn, ICLR 2020) as the package "
        "`scalor` implements it.",
        "## Use",
        USE.replace("PLACE", place),
        "## Training",
        _table(["", ""], [[words, _shown(_told(card, key))] for key, words in FACTS.items() if key in card]),
        *_scores(card),
        "## Limits",
        "The weights know things of the size, speed and look that they were learned from. They find what moves and "
        "stands out; they do not know what it is.",
        f"## Licence\n\n{licence}" if licence else "## Licence\n\nNone is stated.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(card: Mapping[str, Any]) -> list[str]:
    scores, where = card.get("scores"), card.get("scored_on") or {}
    if not isinstance(scores, Mapping):
        training = card.get("training") or {}
        seen = ", ".join(f"{key} {value:.5g}" for key, value in training.items())
        return [
            "## Scores",
            f"None were measured. At the end of the training: {seen}." if seen else "None were measured.",
        ]
    on = ", ".join(f"{key} {value}" for key, value in where.items())
    rows = [[key, f"{value:.4f}"] for key, value in scores.items() if isinstance(value, int | float)]
    return ["## Scores", *([f"On {on}:"] if on else []), _table(["score", "value"], rows)]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _told(card: Mapping[str, Any], key: str) -> Any:
    videos = card.get("footage")
    if key != "data" or not videos:
        return card[key]
    return "footage: " + ", ".join(
        f"{video.get('name', 'a video')} at {video.get('width', '?')} x {video.get('height', '?')} px"
        for video in videos
    )


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("|", "\\|").replace("\n", " ")
