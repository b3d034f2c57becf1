"""`Book`: the annotations of one MOTSynth sequence, checked, and small enough to keep many of."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scalor.data.motchallenge import read_mot
from scalor.data.run_lengths import pixels_of
from scalor.errors import UserError

SEEN = 2
"""COCO's flag of a key point that is labelled and visible."""


@dataclass(frozen=True)
class Page:
    """The people of one picture, R of them.

    ped [R] identities; box [R, 4] left, top, width, height, 0-based; visibility [R]; masks: R compressed COCO RLEs
    """

    ped: np.ndarray
    box: np.ndarray
    visibility: np.ndarray
    masks: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Book:
    """A sequence's annotations.

    path   where they come from
    fps    frames per second of the pictures
    size   (height, width) of the pictures in pixels
    pages  by the number in the picture's file name
    """

    path: Path
    fps: float
    size: tuple[int, int]
    pages: Mapping[int, Page]

    def people(self, numbers: Sequence[int], crop: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes [T, N, 4] (NaN: not there), visibility [T, N] and owners int16 [T, S, S] of pictures by number.

        ``crop`` is (top, left, side S) in pixels; boxes are relative to it. Columns are people by rising ``ped_id``.
        Where masks overlap, which modal ones do not, the one lower in the picture is in front.
        """
        top, left, side = crop
        pages = [self.pages[number] for number in numbers]
        known = np.unique(np.concatenate([page.ped for page in pages]))
        box = np.full((len(pages), len(known), 4), np.nan)
        visibility = np.zeros((len(pages), len(known)))
        owner = np.full((len(pages), side, side), -1, np.int16)
        for time, page in enumerate(pages):
            column = np.searchsorted(known, page.ped)
            box[time, column] = page.box - [left, top, 0, 0]
            visibility[time, column] = page.visibility
            for row in np.argsort(page.box[:, 1] + page.box[:, 3], kind="stable"):
                mask = pixels_of(page.masks[row])[top : top + side, left : left + side]
                owner[time][mask > 0] = column[row]
        return box, visibility, owner


@lru_cache(maxsize=32)
def book_of(path: Path) -> Book:
    """Read ``annotations/NNN.json`` and, where it lies beside, the visibility of ``mot_annotations/NNN/gt/gt.txt``.

    Raises UserError where a file is not what it should be, and where two ways to count frames contradict each other.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        info, images = data["info"], {image["id"]: image for image in data["images"]}
        number_of = {key: int(Path(image["file_name"]).stem) for key, image in images.items()}
        frame_n = {number_of[key]: image["frame_n"] for key, image in images.items() if "frame_n" in image}
        size = int(info["img_height"]), int(info["img_width"])
        fps = float(info["fps"])
        rows: dict[int, list[Mapping[str, Any]]] = {number: [] for number in number_of.values()}
        for row in data["annotations"]:
            if not row.get("iscrowd", 0):
                rows[number_of[row["image_id"]]].append(row)
        pages = {number: _page(found, size) for number, found in rows.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} cannot be understood ({type(error).__name__}: {error}); wanted MOTSynth's COCO annotations; "
            "fetch them again"
        ) from error
    offsets = {frame - number for number, frame in frame_n.items()}
    if len(offsets) > 1 or not offsets <= {0, 1}:
        raise UserError(
            f"{path} numbers its frames (frame_n) otherwise than its pictures (file_name); wanted the same, or one "
            "more throughout; fetch it again"
        )
    text = path.parent.parent / "mot_annotations" / path.stem / "gt" / "gt.txt"
    if text.is_file():
        pages = _with_visibility(pages, text)
    return Book(path, fps, size, pages)


def numbers_checked(book: Book, numbers: Sequence[int], folder: Path) -> None:
    """Raises UserError where pictures with these numbers are not those that the annotations speak of."""
    strange = [number for number in numbers if number not in book.pages]
    if strange:
        first = min(book.pages, default=0)
        raise UserError(
            f"{folder} begins with picture {numbers[0]} and {book.path} with {first}, and picture {strange[0]} has no "
            "annotations; wanted the same numbers; extract the video again without its first two pictures, from 0000"
        )


def _page(rows: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Page:
    for row in rows:
        if not isinstance(row["segmentation"], Mapping) or tuple(row["segmentation"]["size"]) != size:
            raise ValueError(f"annotation {row.get('id')} has no run-length mask of {size[1]} x {size[0]} pixels")
    box = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    if not np.isfinite(box).all():
        raise ValueError("a box is not finite")
    return Page(
        ped=np.array([row["ped_id"] for row in rows], np.int64),
        box=box,
        visibility=np.array([_seen(row.get("keypoints", ())) for row in rows], np.float64),
        masks=tuple({"size": list(size), "counts": row["segmentation"]["counts"]} for row in rows),
    )


def _seen(keypoints: Sequence[float]) -> float:
    """Share of the key points (x, y, flag, x, y, flag ...) that are seen; 1 without any."""
    flags = keypoints[2::3]
    return sum(flag == SEEN for flag in flags) / len(flags) if flags else 1.0


def _with_visibility(pages: Mapping[int, Page], text: Path) -> dict[int, Page]:
    """The same with the visibility of a MOT text, whose boxes lie one pixel further right and down.

    Its frames count from 1; that is checked by the boxes, since the same people stand in neighbouring frames.
    """
    table = read_mot(text)
    rows = dict(zip(zip(table.frame.tolist(), table.id.tolist(), strict=True), range(len(table)), strict=True))
    first = min(pages, default=0)
    gaps, out = [], {}
    for number, page in pages.items():
        found = np.array([rows.get((number - first, ped), -1) for ped in page.ped.tolist()], int)
        known = found >= 0
        gaps.append(np.abs(table.box_tlwh[found[known], :2] - page.box[known, :2]).max(-1))
        gaps.append(np.full(int((~known).sum()), math.inf))
        visibility = np.where(known, table.visibility[found] if len(table) else 1.0, page.visibility)
        out[number] = Page(page.ped, page.box, visibility, page.masks)
    every = np.concatenate([*gaps, np.zeros(0)])
    if len(every) and np.mean(every > 2.0) > 0.05:
        raise UserError(
            f"{text} and {text.parents[3] / 'annotations'} disagree about {np.mean(every > 2.0):.0%} of the boxes; "
            "wanted the same frames, those of the text counted from 1; fetch both again"
        )
    return out
