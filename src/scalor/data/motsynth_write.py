"""Clips as a MOTSynth folder, which `motsynth.MOTSynth` reads back to the same truth.

Pictures are JPEG as there, so they come back with its small errors. Key points and places in space, which clips do not
know, are empty lists and -1.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.files import new_folder
from scalor.data.clip import Clip, Truth

QUALITY = 95


def write_motsynth(clips: Iterable[Clip], folder: str | Path) -> Path:
    """Write clips with truth as sequences 000, 001 ... of a folder; returns it. It appears whole or not at all.

    Raises UserError where it exists already and is not empty, or cannot be written.
    """
    folder = Path(folder)
    with new_folder(folder) as staging:
        for number, clip in enumerate(clips):
            _write_sequence(clip, staging, f"{number:03d}")
    return folder


def whole_boxes(truth: Truth) -> np.ndarray:
    """Boxes before they were cut at the view's edges, left, top, width, height, float64 [T, N, 4].

    A box is as wide as twice the way from its object's centre to the side that was not cut.
    """
    box, center = truth.box_tlwh.double().numpy(), truth.center.double().numpy()
    half = np.maximum(center - box[..., :2], box[..., :2] + box[..., 2:] - center)
    return np.concatenate([center - half, 2 * half], -1)


def _write_sequence(clip: Clip, folder: Path, name: str) -> None:
    from PIL import Image

    pictures, marks = folder / "frames" / name / "rgb", folder / "mot_annotations" / name
    for place in (pictures, folder / "annotations", marks / "gt"):
        place.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(clip.video):
        picture = frame.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(picture).save(pictures / f"{number:04d}.jpg", quality=QUALITY, subsampling=0)
    content, lines = _annotations(clip, name)
    (folder / "annotations" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (marks / "gt" / "gt.txt").write_text("".join(lines), encoding="utf-8")
    frames, _, height, width = clip.video.shape
    entries = {"name": name, "imDir": "rgb", "frameRate": f"{clip.fps:g}", "seqLength": frames}
    entries |= {"imWidth": width, "imHeight": height, "imExt": ".jpg"}
    text = "\n".join(["[Sequence]", *(f"{key}={value}" for key, value in entries.items())]) + "\n"
    (marks / "seqinfo.ini").write_text(text, encoding="utf-8")


def _annotations(clip: Clip, name: str) -> tuple[dict[str, Any], list[str]]:
    """The COCO content of a sequence and the lines of its MOT text."""
    frames, _, height, width = clip.video.shape
    first = 1 + int(name) * 100_000  # numbers of images and people that no other sequence has
    info = {"seq_name": name, "fps": clip.fps, "sequence_length": frames, "img_width": width, "img_height": height}
    info |= {"weather": "", "time": "", "is_night": 0, "is_moving": 0, "cam_fov": -1}
    images = [
        {"id": first + t, "file_name": f"frames/{name}/rgb/{t:04d}.jpg", "frame_n": t, "width": width, "height": height}
        for t in range(frames)
    ]
    rows: list[dict[str, Any]] = []
    lines = []
    if clip.truth is not None:
        truth, boxes = clip.truth, whole_boxes(clip.truth)
        for t, n in (truth.id >= 0).nonzero().tolist():
            ped, box = int(truth.id[t, n]), boxes[t, n].tolist()
            mask = _rle(truth.owner[t].numpy() == n)
            row = {"id": first + len(rows), "image_id": first + t, "category_id": 1, "iscrowd": 0, "ped_id": ped}
            row |= {"bbox": box, "segmentation": mask, "area": int((truth.owner[t] == n).sum())}
            row |= {"keypoints": [], "num_keypoints": 0, "keypoints_3d": [], "model_id": 0, "attributes": []}
            rows.append(row | {"frame_n": t, "seq_name": name})
            place = ",".join(f"{value:.4f}" for value in (box[0] + 1, box[1] + 1, *box[2:]))
            lines.append(f"{t + 1},{ped},{place},1,1,{float(truth.visibility[t, n]):.6f},-1,-1,-1\n")
    categories = [{"id": 1, "name": "person", "supercategory": "person", "keypoints": [], "skeleton": []}]
    content = {"info": info, "licences": [], "images": images, "annotations": rows, "categories": categories}
    return content, lines


def _rle(mask: np.ndarray) -> dict[str, Any]:
    from pycocotools.mask import encode

    rle = encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
