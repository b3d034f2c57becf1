"""A recorded video may be read to its end before anything is said about its beginning.

The first pass is the causal tracker with nothing held back. Then identities that changed hands are given back, gaps are
closed, ghosts are dropped, parts go to what they are parts of, and boxes are smoothed; all of it learned from the
tracks of this one video.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalor.tracking.encounters import encounters, parting, swapped
from scalor.tracking.entrances import at_the_edge
from scalor.tracking.individuals import NOBODY
from scalor.tracking.individuals import individuals as individuals_of
from scalor.tracking.linking import Link, Tracklet, Video, link
from scalor.tracking.looks import Looks
from scalor.tracking.masks import PatchMasks
from scalor.tracking.motion import Leg, Motion
from scalor.tracking.parts import owners
from scalor.tracking.report import FrameResult
from scalor.tracking.rigid import Masks, united
from scalor.tracking.slivers import slivers, usual
from scalor.tracking.smoothing import runs, smooth, window_for
from scalor.tracking.table import Rows

FLICKERS = 0.6
"""What is in view for less than this share of its life, and never leaves its place, flickers."""
RELIT = 0.85
"""What usually has slopes that correlate with those of the empty scene by more than this is no object."""
FAINT = 1.5
"""Log odds by which the score of what flickers lies below the usual one (a fifth of the nats) where it is no object."""
FIRM = 0.5
"""An object of which less than this share of the usual is seen, as behind a post, is not where its box is."""
HARDLY = 0.05
"""An object of which less than this share is seen is out of sight."""


@dataclass(frozen=True)
class Joint:
    """A decision of the second pass, for people to check.

    before  last frame before a gap, or before an encounter
    frame   first frame after it, in which the object is the one called
    id      ...
    box     ... and is there, [4] left, top, width, height in the frame
    nats    in favour of the decision
    swap    not a gap was closed, but identities were given back
    """

    before: int
    frame: int
    id: int
    box: np.ndarray
    nats: float
    swap: bool = False


@dataclass(frozen=True)
class _Decision:
    """A joint while identities may still change: the object seen last in frame ``before`` is that of ``row``."""

    before: int
    row: int
    nats: float
    swap: bool = False


@dataclass(frozen=True)
class Revised:
    """The table after the second pass.

    rows      the first pass's rows, with the new identities and boxes, in the scene (`Rows`)
    keep      bool [R]  what is reported
    joints    gaps that were closed and identities that were given back
    dropped   tracks that were taken for ghosts, or, of a known number of individuals, belong to none
    window    frames that boxes were smoothed over, 1: not at all
    into      int64 [R]  the row whose mask a row's pixels belong to: its own, but for parts; -1: none
    parts     tracks that were taken for parts of others
    """

    rows: Rows
    keep: np.ndarray
    joints: tuple[Joint, ...]
    dropped: int
    window: int
    into: np.ndarray
    parts: int = 0

    def words(self) -> dict[str, object]:
        """What ``summary.json`` says of the second pass."""
        return {
            "gaps_closed": sum(not joint.swap for joint in self.joints),
            "swaps_undone": sum(joint.swap for joint in self.joints),
            "tracks_dropped": self.dropped,
            "parts_joined": self.parts,
            "smoothed_over": self.window,
        }

    def results(self, masks: Iterator[PatchMasks]) -> Iterator[FrameResult]:
        """Frame by frame what is reported; ``masks`` are those of the first pass, frame by frame."""
        rows, result = self.rows, None
        edges = np.searchsorted(rows.frame, np.arange(rows.length + 1))
        for number, (shown, before) in enumerate(zip(rows.shown, np.r_[-1, rows.shown], strict=False)):
            if result is not None and shown == before:
                yield replace(result, index=number, repeated=True)
                continue
            first, end = edges[shown : shown + 2]
            picked = first + np.flatnonzero(self.keep[first:end])
            picked = picked[np.argsort(rows.id[picked], kind="stable")]
            masked = next(masks).merged(self.into[first:end] - first).select(picked - first)
            tall, wide = masked.scale
            x, y = rows.shift_of(shown)
            result = FrameResult(
                index=number,
                ids=rows.id[picked],
                box_tlwh=rows.box_tlwh[picked],
                score=rows.score[picked],
                visibility=rows.visibility[picked],
                masks=masked,
                decoded=bool(rows.seen[shown]),
                shift=(x / wide, y / tall),
            ).on_frame()
            yield result


def revise(
    rows: Rows,
    *,
    min_visibility: float = 0.25,
    confirm: int = 1,
    individuals: int | None = None,
    masks: Masks | None = None,
) -> Revised:
    """The second pass over what the first one found.

    Args:
        rows: of a causal tracker that reports everything at once.
        min_visibility: objects of which less than this share is seen are not reported, as in `Tracker`, but those that
            enter the view or leave it (see `tracking.entrances`).
        confirm: tracks that are seen in fewer frames, links counted, are dropped; in a film of fewer frames, those that
            are not seen in all.
        individuals: how many there are in every frame, if that is known: each keeps one identity, 0, 1, ...
        masks: those of the rows; without them the pieces of one thing are not put together (see `tracking.rigid`).
    """
    keep = rows.visibility >= min_visibility
    firm = keep & _firm(rows, keep)
    motion, looks = learned(tracklets_of(rows, rows.id, firm), rows.pixel)
    ids, swaps = _given_back(rows, keep, firm, motion=motion, looks=looks)
    stretches = _stretches(rows, ids)
    pieces = tracklets_of(rows, ids, firm, stretches)
    video = Video(np.cumsum(rows.seen), rows.size, motion, looks)
    ids, gaps = _joined(ids, pieces, link(pieces, video))
    ids = _followed(rows, ids, keep=keep, firm=firm, stretches=stretches)
    keep &= _clearest(rows, ids, keep)
    dropped = 0
    if individuals is not None:
        linked, ids = ids, _distributed(rows, ids, keep, video=video, count=individuals)
        dropped = len(np.unique(linked[keep & (ids == NOBODY)]))
        keep &= ids != NOBODY
        keep &= _clearest(rows, ids, keep)
    names, counts = np.unique(ids[keep], return_counts=True)
    ghosts = np.union1d(names[counts < min(confirm, rows.seen.sum())], _flickering(rows, ids, keep))
    ghosts = np.union1d(ghosts, _relit(rows, ids, keep))
    keep &= ~np.isin(ids, ghosts)
    dropped += len(ghosts)
    # Nobody of a known number is a part of another.
    into, ids = owners(rows, ids, keep) if individuals is None else (np.arange(len(rows)), ids)
    if individuals is None and masks is not None:
        upper, ids = united(rows, ids, keep & (into == np.arange(len(rows))), masks)
        into = np.where(into >= 0, upper[into], -1)
    part = keep & (into != np.arange(len(rows)))
    parts = len(np.unique(ids[part]))
    keep &= ~part
    whole = _with_parts(rows, into, part)
    keep &= ~slivers(whole, ids, keep, min_visibility)
    entering, ids = at_the_edge(rows, ids, keep, min_visibility)
    keep |= entering
    boxes, window = _smoothed(whole, ids, keep)
    table = replace(rows, id=ids, box_tlwh=boxes)
    joints = [
        Joint(
            *_of_the_video(rows, each),
            int(ids[each.row]),
            boxes[each.row] + [*rows.shift_of(frame), 0, 0],
            each.nats,
            each.swap,
        )
        for each in sorted((*swaps, *gaps), key=lambda each: each.row)
        if keep[each.row]
        for frame in [int(rows.frame[each.row])]
    ]
    return Revised(table, keep, tuple(joints), dropped, window, into, parts)


def _of_the_video(rows: Rows, joint: _Decision) -> tuple[int, int]:
    """The last frame before a joint and the first one after it, repeated frames counted."""
    before = np.searchsorted(rows.shown, joint.before, side="right") - 1
    return int(before), int(np.searchsorted(rows.shown, rows.frame[joint.row]))


def _with_parts(rows: Rows, into: np.ndarray, part: np.ndarray) -> Rows:
    """The rows with boxes and areas that hold the parts, bool [R], that belong ``into`` them."""
    low, high = rows.box_tlwh[:, :2].copy(), rows.box_tlwh[:, :2] + rows.box_tlwh[:, 2:]
    some = np.flatnonzero(part & (into >= 0))
    np.minimum.at(low, into[some], rows.box_tlwh[some, :2])
    np.maximum.at(high, into[some], rows.box_tlwh[some, :2] + rows.box_tlwh[some, 2:])
    area = rows.area.copy()
    np.add.at(area, into[some], rows.area[some])
    return replace(rows, box_tlwh=np.concatenate([low, high - low], axis=1), area=area)


def _firm(rows: Rows, keep: np.ndarray) -> np.ndarray:
    """Whether of an object at least half as much is seen as usually shortly before and after: bool [R].

    Every tracklet has such a row, the one of which most is seen.
    """
    firm = np.ones(len(rows), dtype=bool)
    for piece in tracklets_of(rows, rows.id, keep):
        area = rows.area[piece.rows]
        firm[piece.rows] = area >= FIRM * usual(area)
    return firm


def _followed(rows: Rows, ids: np.ndarray, *, keep: np.ndarray, firm: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """Identities [R] in which rows that are not ``firm`` have that of the nearest firm row of their stretch."""
    out = ids.copy()
    loose, sure = np.flatnonzero(keep & ~firm), np.flatnonzero(firm)
    if not len(sure):
        return out
    # Stretches lie one after the other, so far apart that the nearest row of another one is never the nearest.
    when = stretches * 4 * (rows.length + 1) + rows.frame
    sure = sure[np.argsort(when[sure], kind="stable")]
    after = np.searchsorted(when[sure], when[loose]).clip(1, max(1, len(sure) - 1))
    pair = sure[np.stack([after - 1, after.clip(max=len(sure) - 1)])]
    nearest = np.take_along_axis(pair, np.abs(when[pair] - when[loose]).argmin(axis=0)[None], axis=0)[0]
    same = stretches[nearest] == stretches[loose]
    out[loose[same]] = ids[nearest[same]]
    return out


def _relit(rows: Rows, ids: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Identities of what is, in most of its frames, the empty scene under another light."""
    sure = keep[: len(rows.alike)] & ~np.isnan(rows.alike) if len(rows.alike) else np.zeros(len(rows), bool)
    names = np.unique(ids[sure])
    return names[[bool(np.median(rows.alike[sure & (ids == name)]) > RELIT) for name in names]]


def _flickering(rows: Rows, ids: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Identities of what comes and goes in one place and explains little: leaves, a screen, a reflection."""
    pieces = tracklets_of(rows, ids, keep)
    score = rows.score.clip(1e-6, 1 - 1e-6)
    odds = np.log(score / (1 - score))
    usual = float(np.median(odds[keep])) if keep.any() else 0.0
    clock = np.cumsum(rows.seen)
    found = []
    for piece in pieces:
        life = clock[piece.leg.frame[-1]] - clock[piece.leg.frame[0]] + 1
        reach = np.subtract(*np.quantile(rows.center[piece.rows], [0.95, 0.05], axis=0))
        stays = bool((reach < np.median(piece.box[:, 2:], axis=0)).all())
        faint = float(np.median(odds[piece.rows])) < usual - FAINT
        if stays and faint and len(piece.rows) < FLICKERS * life:
            found.append(piece.id)
    return np.array(found, np.int64)


def tracklets_of(rows: Rows, ids: np.ndarray, keep: np.ndarray, stretch: np.ndarray | None = None) -> list[Tracklet]:
    """The rows ``keep`` (bool [R]) by identity ``ids`` [R], or by the finer ``stretch`` [R]."""
    part_of = ids if stretch is None else stretch
    picked = np.flatnonzero(keep)
    picked = picked[np.lexsort((rows.frame[picked], part_of[picked]))]
    parts = np.split(picked, np.flatnonzero(np.diff(part_of[picked])) + 1) if len(picked) else []
    center, looks = rows.center, rows.looks
    return [
        Tracklet(
            id=int(ids[part[0]]),
            rows=part,
            leg=Leg(rows.frame[part], center[part], np.median(rows.box_tlwh[part, 2:], axis=0)),
            looks=looks[part].astype(np.float32),
            box=rows.box_tlwh[part],
        )
        for part in parts
    ]


def learned(tracklets: Sequence[Tracklet], pixel: float = 1.0) -> tuple[Motion, Looks]:
    """What the tracks of a video say about how its objects move and look; ``pixel`` as in `Rows`."""
    motion = Motion.learn([each.leg for each in tracklets], pixel=pixel)
    return motion, Looks.learn([(each.leg.frame, each.looks) for each in tracklets])


def _given_back(
    rows: Rows, keep: np.ndarray, firm: np.ndarray, *, motion: Motion, looks: Looks
) -> tuple[np.ndarray, list[_Decision]]:
    """Identities after the swaps are undone, one encounter after the other; ``firm`` rows are judged by."""
    ids = rows.id.copy()
    joints: list[_Decision] = []
    # What each tracklet is called after the encounters so far.
    names = [piece.id for piece in tracklets_of(rows, ids, keep)]
    sure = {piece.id: piece for piece in tracklets_of(rows, ids, firm)}
    for meeting in encounters(tracklets_of(rows, ids, keep)):
        one, other = names[meeting.one], names[meeting.other]
        if not {one, other} <= sure.keys():
            continue
        nats = swapped(meeting, [sure[one], sure[other]], motion=motion, looks=looks)
        if nats <= 0:
            continue
        later = rows.frame > parting(meeting, [sure[one], sure[other]])
        first, second = later & (ids == one), later & (ids == other)
        ids[first], ids[second] = other, one
        names = [{one: other, other: one}.get(name, name) for name in names]
        for piece in tracklets_of(rows, ids, firm & np.isin(ids, [one, other])):
            sure[piece.id] = piece
        # Of the two, one at least is seen afterwards.
        after = np.flatnonzero(firm & np.isin(ids, [one, other]) & (rows.frame > meeting.end))[0]
        joints.append(_Decision(meeting.start - 1, int(after), nats, swap=True))
    return ids, joints


def _stretches(rows: Rows, ids: np.ndarray) -> np.ndarray:
    """A number [R] for every stretch in which an object is in view without a break, blank frames aside.

    That it is the same object after a break is a guess of the tracker's, which knows the past alone and lets what left
    the view come back.
    """
    clock = np.cumsum(rows.seen)[rows.frame]
    order = np.lexsort((clock, ids))
    here = order[rows.visibility[order] >= HARDLY]
    new = np.zeros(len(rows), dtype=bool)
    new[here] = (np.diff(ids[here], prepend=-1) != 0) | (np.diff(clock[here], prepend=-1) != 1)
    # Rows in which it is out of sight belong to what was before.
    new[order] |= np.diff(ids[order], prepend=-1) != 0
    stretch = np.zeros(len(rows), dtype=np.int64)
    stretch[order] = np.cumsum(new[order])
    return stretch


def _joined(ids: np.ndarray, pieces: Sequence[Tracklet], links: Sequence[Link]) -> tuple[np.ndarray, list[_Decision]]:
    """Linked tracklets under one identity: the tracker's of the first of them, if it is free, else a new one."""
    out = ids.copy()
    before = {each.after: each for each in links}
    taken: set[int] = set()
    fresh = int(ids.max(initial=-1)) + 1
    joints = []
    for number in sorted(range(len(pieces)), key=lambda at: (pieces[at].first, pieces[at].id)):
        piece = pieces[number]
        if number in before:
            last = pieces[before[number].before]
            name = int(out[last.rows[0]])
            joints.append(_Decision(last.last, int(piece.rows[0]), before[number].nats))
        elif piece.id in taken:
            name, fresh = fresh, fresh + 1
        else:
            name = piece.id
        taken.add(piece.id)
        out[piece.rows] = name
    return out, joints


def _clearest(rows: Rows, ids: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Of the rows ``keep`` of one identity in one frame the one that is seen best: bool [R]."""
    picked = np.flatnonzero(keep)
    picked = picked[np.lexsort((-rows.visibility[picked], ids[picked], rows.frame[picked]))]
    first = (np.diff(ids[picked], prepend=NOBODY - 1) != 0) | (np.diff(rows.frame[picked], prepend=-1) != 0)
    out = np.zeros(len(ids), dtype=bool)
    out[picked[first]] = True
    return out


def _distributed(rows: Rows, ids: np.ndarray, keep: np.ndarray, *, video: Video, count: int) -> np.ndarray:
    """Identities 0 to ``count`` - 1, and `NOBODY` for what belongs to no individual."""
    pieces = tracklets_of(rows, ids, keep)
    out = np.full(len(ids), NOBODY)
    for piece, name in zip(pieces, individuals_of(pieces, video, count=count).tolist(), strict=True):
        out[piece.rows] = name
    return out


def _smoothed(rows: Rows, ids: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, int]:
    """Boxes [R, 4] with edges that are free of jitter where they lie inside the frame."""
    height, width = rows.size
    box = rows.box_tlwh
    edges = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1)
    # What is cut off by the frame says nothing of how the rest moves.
    cut = (edges <= 0.5) | (edges >= np.array([width, height, width, height]) - 0.5)
    stretches = [
        (part[span], side)
        for part in (piece.rows for piece in tracklets_of(rows, ids, keep))
        for side in range(4)
        for span in runs(rows.frame[part], cut[part, side])
    ]
    window = window_for([edges[part, side, None] for part, side in stretches])
    for part, side in stretches:
        edges[part, side] = smooth(edges[part, side, None], window)[:, 0]
    edges = edges.clip(0.0, [width, height, width, height])
    extent = edges[:, 2:] - edges[:, :2]
    sound = (extent > 0).all(axis=1, keepdims=True)
    return np.where(sound & keep[:, None], np.concatenate([edges[:, :2], extent], axis=1), box), window
