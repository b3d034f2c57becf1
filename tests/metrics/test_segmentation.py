"""Mask scores against hand-computed maps and the plain pair-counting definition of the Rand index."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scalor.metrics import fg_ari, mean_iou

MAPS = arrays(np.int64, (2, 3, 3), elements=st.integers(-1, 2))


def slow_ari(true: np.ndarray, found: np.ndarray) -> float:
    """Adjusted Rand index by looking at every pair of foreground pixels."""
    pixels = [(a, b) for a, b in zip(true.ravel(), found.ravel(), strict=True) if a >= 0]
    pairs = [(a[0] == b[0], a[1] == b[1]) for a, b in combinations(pixels, 2)]
    if not pairs:
        return 1.0
    both = sum(x and y for x, y in pairs)
    rows, cols = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    expected, largest = rows * cols / len(pairs), (rows + cols) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


@given(MAPS, MAPS)
def test_ari_equals_its_pairwise_definition(true, found):
    if (true >= 0).any():
        assert fg_ari(true, found) == pytest.approx(slow_ari(true, found))


@given(MAPS)
def test_renaming_objects_changes_nothing(true):
    if (true >= 0).any():
        renamed = np.where(true >= 0, 7 - true, -1)
        assert fg_ari(true, renamed) == pytest.approx(1.0)
        assert mean_iou(true, renamed) == pytest.approx(1.0)


def test_background_pixels_do_not_count_for_ari_but_do_for_iou():
    true = np.array([[[0, 0, 1, 1, -1, -1]]])
    found = np.array([[[0, 0, 1, 1, 1, 1]]])
    assert fg_ari(true, found) == 1.0
    assert mean_iou(true, found) == pytest.approx((1.0 + 2 / 4) / 2)


def test_one_segment_over_two_objects_is_chance():
    assert fg_ari(np.array([[[0, 0, 1, 1]]]), np.array([[[5, 5, 5, 5]]])) == 0.0


def test_swapping_names_between_frames_costs():
    true = np.array([[[0, 0, 1, 1]], [[0, 0, 1, 1]]])
    assert fg_ari(true, np.array([[[0, 0, 1, 1]], [[1, 1, 0, 0]]])) < 0.1
    assert mean_iou(true, np.array([[[0, 0, 1, 1]], [[1, 1, 0, 0]]])) == pytest.approx(1 / 3)


def test_an_object_never_found_has_iou_zero():
    assert mean_iou(np.array([[[0, 0, 1, -1]]]), np.array([[[4, 4, -1, -1]]])) == pytest.approx(0.5)
    assert mean_iou(np.array([[[0, 1]]]), np.array([[[-1, -1]]])) == 0.0


def test_without_foreground_both_are_undefined():
    empty = np.full((1, 2, 2), -1)
    assert math.isnan(fg_ari(empty, empty)) and math.isnan(mean_iou(empty, empty))


def test_tensors_are_taken_and_unequal_shapes_refused():
    owner = torch.tensor([[[0, 1], [1, -1]]], dtype=torch.int16)
    assert mean_iou(owner, owner) == fg_ari(owner, owner) == 1.0
    with pytest.raises(ValueError, match="equal shapes"):
        fg_ari(owner, owner[:, :1])
