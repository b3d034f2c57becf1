"""Laws of looks: what was lost and found may look otherwise than it does from frame to frame."""

from dataclasses import replace

import numpy as np

from scalor.tracking.looks import UNBROKEN, Looks
from scalor.tracking.second_pass import revise

from .rows_of import LENGTH, table

GONE = 2
"""Frames for which each object is lost once."""


def test_objects_that_look_otherwise_after_every_break_keep_their_names() -> None:
    # A field of small things that wander: where they are found again leaves some doubt, and codes are read anew.
    rng = np.random.default_rng(3)
    paths, looks = {}, {}
    for number, (top, left) in enumerate((y, x) for y in range(20, 221, 20) for x in range(20, 301, 20)):
        walk = np.cumsum(rng.normal(0.0, 1.0, (LENGTH, 2)), axis=0)
        walk += (left, top) - walk.mean(axis=0)
        whole = np.concatenate([np.arange(LENGTH)[:, None], walk, np.full((LENGTH, 2), 6.0)], axis=1)
        lost, own = int(rng.integers(25, 55)), rng.normal(0.0, 3.0)
        for part, name in ((whole[:lost], 2 * number), (whole[lost + GONE :], 2 * number + 1)):
            paths[name], looks[name] = part, own + rng.normal(0.0, 1.0)
    rows = table(paths, looks)
    revised = revise(rows)
    first = {int(name): int(new) for name, new in zip(rows.id, revised.rows.id, strict=True)}
    joined = np.mean([first[name] == first[name + 1] for name in range(0, len(first), 2)])
    assert joined > 0.85


def _known(width: int = 3) -> Looks:
    return Looks(np.eye(width), same=(0.5, 0.4), other=(2.0, 0.4))


def test_without_breaks_nothing_changes() -> None:
    known = _known()
    none = np.zeros((0, 3))
    np.testing.assert_allclose(known.across(none, none, np.zeros(0)).same, known.same)


def test_the_more_breaks_were_seen_the_more_they_count() -> None:
    known = _known()
    means = []
    for count in (1, int(UNBROKEN), 100 * int(UNBROKEN)):
        after = np.full((count, 3), np.exp(1.5) / np.sqrt(3))
        means.append(known.across(np.zeros((count, 3)), after, np.ones(count)).same[0])
    np.testing.assert_allclose(means, [0.5 + 1 / 101, 1.0, 1.5 - 1 / 101], atol=1e-6)


def test_looks_that_tell_nothing_across_breaks_claim_nothing() -> None:
    known = replace(_known(), same=(1.9, 0.4))
    far = np.full((1000, 3), np.exp(2.5) / np.sqrt(3))
    silent = known.across(np.zeros((1000, 3)), far, np.ones(1000))
    assert not silent.speaks and not silent.evidence(np.zeros(3), far[0]).any()
