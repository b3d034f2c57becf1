"""Boxes against loops and hand-made masks."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scalor.core.geometry import WhereConfig, box_overlap, cell_centers, decode_size, in_view, tight_box

BOX = st.tuples(st.floats(-5, 15), st.floats(-5, 15), st.floats(0.5, 10), st.floats(0.5, 10))


@settings(max_examples=50, deadline=None)
@given(a=st.lists(BOX, min_size=1, max_size=3), b=st.lists(BOX, min_size=1, max_size=3))
def test_overlap_equals_plain_arithmetic(a: list[tuple[float, ...]], b: list[tuple[float, ...]]) -> None:
    def corners(boxes: list[tuple[float, ...]]) -> Tensor:
        return torch.tensor([(x, y, x + w, y + h) for x, y, w, h in boxes], dtype=torch.float64)

    iou, inside = box_overlap(corners(a), corners(b))
    for i, (ax, ay, aw, ah) in enumerate(a):
        for j, (bx, by, bw, bh) in enumerate(b):
            wide = max(0.0, min(ax + aw, bx + bw) - max(ax, bx))
            high = max(0.0, min(ay + ah, by + bh) - max(ay, by))
            common = wide * high
            assert float(iou[i, j]) == pytest.approx(common / (aw * ah + bw * bh - common), abs=1e-9)
            assert float(inside[i, j]) == pytest.approx(common / min(aw * ah, bw * bh), abs=1e-9)


def test_overlap_of_no_boxes_is_empty() -> None:
    iou, inside = box_overlap(torch.zeros(2, 0, 4), torch.zeros(2, 3, 4))
    assert iou.shape == inside.shape == (2, 0, 3)


def slow_tight(alpha: Tensor, box: tuple[float, float, float, float], fine: int = 2000) -> tuple[float, ...]:
    """First and last point above 0.5 of the bilinear profile of each axis, by trying ``fine`` points."""
    side = alpha.shape[-1]
    spans = []
    for profile in (alpha.amax(0).tolist(), alpha.amax(1).tolist()):
        padded = [0.0, *profile, 0.0]
        above = []
        for k in range(fine):
            place = (k + 0.5) / fine * side + 0.5  # in texels of the padded profile, centres on whole numbers
            low = math.floor(place)
            value = padded[low] + (place - low) * (padded[min(low + 1, side + 1)] - padded[low])
            if value > 0.5:
                above.append((k + 0.5) / fine)
        spans.append((above[0], above[-1]))
    (left, right), (top, bottom) = spans
    x, y = box[0] - box[2] / 2, box[1] - box[3] / 2
    return x + left * box[2], y + top * box[3], x + right * box[2], y + bottom * box[3]


@pytest.mark.parametrize("seed", range(6))
def test_tight_boxes_equal_a_fine_search(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    alpha = torch.rand(8, 8, generator=generator) ** 2
    alpha[4, 3] = 0.9
    box = (6.0, 5.0, 9.0, 4.0)
    got = tight_box(alpha.unsqueeze(0), torch.tensor([box]))[0].tolist()
    assert got == pytest.approx(slow_tight(alpha, box), abs=9.0 / 1000)


def test_tight_box_of_hand_made_masks() -> None:
    """Columns 2..5 and rows 1..3 of 8 are full: edges half way between texel centres, at whole texels."""
    alpha = torch.zeros(4, 8, 8)
    alpha[0, 1:4, 2:6] = 1.0
    alpha[1] = 1.0  # full: half a texel of nothing beyond the edge, clipped to the box
    alpha[2, 1:4, 2:6] = 0.5  # never above 0.5: the whole box
    alpha[3, 1:4, 2:6] = 1.0
    alpha[3, 1:4, 1] = 0.25  # an edge at (1 - 0.5) / (1 - 0.25) of a texel from the centre of column 2
    box = torch.tensor([[20.0, 30.0, 16.0, 8.0]]).expand(4, 4)
    got = tight_box(alpha, box)
    # Texels are 2 x 1 pixels, the corner is at (12, 26).
    assert got[0].tolist() == pytest.approx([16, 27, 24, 30])
    assert got[1].tolist() == pytest.approx([12, 26, 28, 34])
    assert got[2].tolist() == pytest.approx([12, 26, 28, 34])
    assert got[3].tolist() == pytest.approx([12 + 2 * (2.5 - 0.5 / 0.75), 27, 24, 30])


def test_tight_box_of_no_masks_is_empty() -> None:
    assert tight_box(torch.zeros(0, 8, 8), torch.zeros(0, 4)).shape == (0, 4)


@settings(max_examples=50, deadline=None)
@given(box=BOX)
def test_share_in_view_equals_plain_arithmetic(box: tuple[float, float, float, float]) -> None:
    x, y, w, h = box
    wide = max(0.0, min(12.0, x + w / 2) - max(0.0, x - w / 2))
    high = max(0.0, min(7.0, y + h / 2) - max(0.0, y - h / 2))
    got = in_view(torch.tensor([box], dtype=torch.float64), height=7, width=12)
    assert float(got) == pytest.approx(wide * high / (w * h), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    u=st.floats(-30, 30),
    r=st.floats(-30, 30),
    scale=st.sampled_from(["linear", "log"]),
    ratio=st.floats(0.3, 3.0),
)
def test_no_box_exceeds_the_largest_and_the_ratio_is_height_by_width(
    u: float, r: float, scale: str, ratio: float
) -> None:
    config = WhereConfig(size=8.0, size_range=0.5, ratio=ratio, ratio_range=0.2, scale=scale)
    width, height = decode_size(torch.tensor([u, r], dtype=torch.float64), config).tolist()
    assert 0 < width <= config.largest[0] * (1 + 1e-6) and 0 < height <= config.largest[1] * (1 + 1e-6)
    wanted = ratio * math.exp(0.2 * math.tanh(r)) if scale == "log" else ratio + 0.2 * math.tanh(r)
    assert height / width == pytest.approx(wanted)
    size = 8.0 * math.exp(0.5 * math.tanh(u)) if scale == "log" else 8.0 + 0.5 * math.tanh(u)
    assert math.sqrt(width * height) == pytest.approx(size)


def test_cell_centers_go_row_by_row() -> None:
    got = cell_centers(2, 3, cell=4, like=torch.zeros(1)).tolist()
    assert got == [[4 * j + 2.0, 4 * i + 2.0] for i in range(2) for j in range(3)]
