"""Laws of run lengths: as pycocotools decodes them, refused where they are none, and Ctrl-C stays what it is."""

import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from scalor.data.run_lengths import pixels_of


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.integers(0, 1)))
def test_masks_come_back_as_they_were(mask):
    rle = coco.encode(np.asfortranarray(mask))
    for counts in (rle["counts"], rle["counts"].decode()):
        np.testing.assert_array_equal(pixels_of({"size": rle["size"], "counts": counts}), mask)


def test_long_runs_need_no_more_than_their_picture():
    mask = np.zeros((3000, 2000), np.uint8)
    mask[5:, 7:] = 1
    np.testing.assert_array_equal(pixels_of(coco.encode(np.asfortranarray(mask))), mask)


@pytest.mark.parametrize("counts", ["", "0", "99", "é", "``", "P", "???", "99" * 40, "o" * 20 + "0", b"\xff"])
def test_what_is_no_picture_of_its_size_is_refused(counts):
    """Of some of these pycocotools shows memory that is none of the mask's."""
    with pytest.raises(ValueError, match=r"pixels long|letters|longer"):
        pixels_of({"size": [3, 3], "counts": counts})


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="alarms in parts of a second are of Unix")
def test_an_interruption_is_one():
    rle = coco.encode(np.asfortranarray(np.ones((360, 640), np.uint8)))
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(20):
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.003)
                while True:
                    pixels_of(rle)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
