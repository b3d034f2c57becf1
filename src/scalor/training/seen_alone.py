"""What is seen alone again and again, or for long, where most of what moves are groups."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scalor.core.geometry import WhereConfig
from scalor.training.components import Components, going_on, pairs_among
from scalor.training.foreground_blobs import sized
from scalor.training.groups import MOST, members, outline_of
from scalor.training.usual_box import LEAST, SURE, UsualBox, bulk, usual_box

DENSE = 0.15
"""Half the width, in log sides and in heights of the view, of the window in which blobs are counted as alike."""
AROUND = 0.3
"""The same for blobs that then count for the size of single objects: so much do their sides vary."""
OFTEN = 0.5
"""Share of the most frequent size with which a smaller one is frequent, too."""
ALIKE = 0.2
"""Deviation of log sides up to which a blob counts for the outline."""
LARGER = 1.25
"""Sizes of an outline from which on a blob may be a group."""
MOST_BLOBS = 3000
"""Blobs that are looked at, spread over the video: of a thousand particles each frame has enough."""
LEAST_GROUPS = 20
"""Groups that must be taken apart before it is believed that there are any."""
GROUPS = 0.4
"""Their least share of the larger blobs: on what is no group an outline seldom fits."""

LONG, STAYS = 5, 20
"""Frames in a row that a blob is to itself, whole and one to one, and such stays without which nothing is known."""
MAJORITY = 0.5
"""Share of the stays that must be of about the size found."""

_Blob = tuple[Components, int, bool]
"""Components, the row of one of them, and whether it is known to be two."""


def seen_alone(runs: list[list[Components]], rule: UsualBox, where: WhereConfig, height: float) -> UsualBox | None:
    """The rule of the smallest frequent size of which most larger things are groups; None where ``rule`` may stay.

    Where it says what is single, most of that must be groups, too.
    """
    blobs = _whole(runs)
    boxes = np.array([each.box[row] for each, row, paired in blobs if not paired], np.float32).reshape(-1, 4)
    boxes = boxes[sized(boxes, where)]
    if len(boxes) < LEAST:
        return None
    sides = np.log(boxes[:, 2:])
    place = np.concatenate([sides, boxes[:, 1:2] / height], axis=1)
    near = (np.abs(place[:, None] - place) < DENSE).all(2).sum(1)
    frequent = np.flatnonzero(near >= max(LEAST, OFTEN * near.max()))
    if not len(frequent):
        return None
    smallest = frequent[sides[frequent].sum(1).argmin()]
    middle = sides[(np.abs(place - place[smallest]) < DENSE).all(1)].mean(0)
    found = usual_box(boxes[(np.abs(sides - middle) < AROUND).all(1)], height)
    if found.spread == math.inf:
        return None
    found = _outlined(blobs, replace(found, middle=float(middle.mean()), reach=max(AROUND, found.spread)))
    if not found.outline:
        return None
    if rule.spread == math.inf:
        return found
    single = [(each, row) for each, row, _ in blobs if _like(each.box[row], rule, rule.spread)]
    groups = [_group(each, row, found, np.array(found.outline, np.float32)) for each, row in single]
    return found if groups and np.mean([group is True for group in groups]) >= GROUPS else None


def seen_for_long(runs: list[list[Components]]) -> UsualBox:
    """The sizes of what goes on by itself for some frames, for videos in which no single objects were told.

    In a crowd most blobs are groups that meet and part, and specks. What lasts is mostly one thing, or a part of one:
    each stay counts once, by its side, so that parts count less. Where most stays have other sizes there are several
    kinds of things, and nothing is known.
    """
    sizes = np.array([size for run in runs for size in stays(run)])
    if len(sizes) < STAYS:
        return UsualBox()
    middle, deviation = bulk(sizes, np.exp(sizes))
    reach = max(AROUND, SURE * deviation)
    alike = np.abs(sizes - middle) <= reach
    return UsualBox(middle=middle, reach=reach) if alike.mean() > MAJORITY else UsualBox()


def stays(run: list[Components]) -> list[float]:
    """The log sizes of the stays of a run: the median over the frames of each."""
    found: list[list[float]] = []
    going: dict[int, list[float]] = {}
    pairs = pairs_among(run)
    for t, each in enumerate(run):
        sizes = 0.5 * np.log(each.box[:, 2:].prod(1))
        before = {int(column): int(row) for row, column in (going_on(run[t - 1], each) if t else ())}
        now: dict[int, list[float]] = {}
        for row in np.flatnonzero(each.whole & ~pairs[t]).tolist():
            now[row] = [*going.pop(before.get(row, -1), ()), float(sizes[row])]
        found += going.values()  # what has ended, or left the view
        going = now
    return [float(np.median(sizes)) for sizes in [*found, *going.values()] if len(sizes) >= LONG]


def with_outline(runs: list[list[Components]], rule: UsualBox) -> UsualBox:
    """The rule with the outline of its single objects, if that takes many of the larger blobs apart."""
    return _outlined(_whole(runs), rule)


def _outlined(blobs: Sequence[_Blob], rule: UsualBox) -> UsualBox:
    if rule.spread == math.inf or rule.shapes == math.inf or rule.perspective.tilt:
        return rule
    alone = [each.mask(row) for each, row, paired in blobs if not paired and _like(each.box[row], rule, ALIKE)]
    outline = outline_of(alone)
    if not outline:
        return rule
    cells = np.array(outline, np.float32)
    groups = [group for each, row, _ in blobs if (group := _group(each, row, rule, cells)) is not None]
    many = sum(groups) >= LEAST_GROUPS and float(np.mean(groups)) >= GROUPS
    return replace(rule, outline=outline) if many else rule


def _group(each: Components, row: int, rule: UsualBox, outline: np.ndarray) -> bool | None:
    """Whether a blob is taken apart; None where it is no larger than one, or too large to tell."""
    width, height = rule.sides(each.box[row, 1])
    if not LARGER < each.area[row] / (outline.mean() * width * height) < MOST + 1:
        return None
    return len(members(each.mask(row), width, height, outline)) > 1


def _like(box: np.ndarray, rule: UsualBox, within: float) -> bool:
    """Whether a box (x, y, w, h) has, but for so much, the log sides of a single object in its place."""
    off = np.log(box[2:]) - np.log(rule.sides(float(box[1])))
    return bool((np.abs(off) < within).all())


def _whole(runs: list[list[Components]]) -> list[_Blob]:
    """Up to `MOST_BLOBS` of the blobs that no edge of the view cuts off."""
    found = [
        (each, int(row), bool(paired[row]))
        for run in runs
        for each, paired in zip(run, pairs_among(run), strict=True)
        for row in np.flatnonzero(each.whole)
    ]
    return found[:: -(-len(found) // MOST_BLOBS) or 1]
