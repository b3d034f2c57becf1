"""The benchmark's rules on masks, counted by hand."""

import numpy as np
import pytest

from scalor.metrics.mask_mot import mask_scores

SIDE = 20


def blank(frames: int = 10) -> np.ndarray:
    return np.full((frames, SIDE, SIDE), -1)


def two_squares() -> np.ndarray:
    owner = blank()
    owner[:, 2:8, 2:8] = 4
    owner[:, 11:17, 11:17] = 9
    return owner


def test_the_truth_itself_is_perfect_whatever_its_names() -> None:
    truth = two_squares()
    found = mask_scores([(truth, np.where(truth == 4, 70, np.where(truth == 9, 3, -1)))])
    assert (found.mota, found.motp, found.matched) == (1.0, 1.0, 1.0)
    assert (found.missed, found.false, found.switched, found.masks) == (0, 0, 0, 16)


def test_a_miss_a_ghost_and_a_switch_each_cost_their_share() -> None:
    truth = two_squares()
    guess = truth.copy()
    guess[5][guess[5] == 9] = -1  # a miss in one of 16
    guess[6, 0:2, 10:20] = 50  # 20 pixels of a ghost in one frame
    guess[8:][guess[8:] == 4] = 77  # another name from frame 8 on: one switch
    found = mask_scores([(truth, guess)])
    assert found.missed == pytest.approx(1 / 16) and found.false == pytest.approx(1 / 16)
    assert found.switched == pytest.approx(1 / 16) and found.matched == pytest.approx(14 / 16)
    assert found.mota == pytest.approx(13 / 16) and found.motp == pytest.approx(1.0)


def test_a_match_needs_half_and_its_overlap_is_the_precision() -> None:
    truth = two_squares()
    guess = truth.copy()
    guess[:, 2:8, 2:4] = -1  # 24 of 36 pixels
    guess[:, 11:17, 11:15] = -1  # 12 of 36 pixels
    found = mask_scores([(truth, guess)])
    assert found.motp == pytest.approx(24 / 36)
    assert found.missed == 0.5 and found.false == 0.5 and found.mota == pytest.approx(0.0)


def test_what_happens_in_the_first_two_frames_and_to_five_pixels_does_not_count() -> None:
    truth, guess = two_squares(), two_squares()
    guess[:2] = -1
    truth[:, 0, 0:5] = 30
    guess[:, 19, 0:5] = 31
    assert mask_scores([(truth, guess)]).mota == 1.0
    truth[:, 0, 0:6] = 30
    assert mask_scores([(truth, guess)]).missed == pytest.approx(1 / 3)


def test_a_mask_on_the_background_is_no_false_one() -> None:
    truth, guess = two_squares(), two_squares()
    guess[:, 12:, :9] = 60  # 72 of 328 background pixels: more than a fifth
    assert mask_scores([(truth, guess)]).false == 0
    guess[:, 12:15, :] = np.where(guess[:, 12:15, :] == 60, -1, guess[:, 12:15, :])  # 45 pixels are less
    assert mask_scores([(truth, guess)]).false == pytest.approx(0.5)


def test_clips_are_added_up_and_names_of_one_mean_nothing_in_another() -> None:
    truth = two_squares()
    other = np.where(truth == 4, 9, np.where(truth == 9, 4, -1))
    found = mask_scores([(truth, truth), (truth, other), (truth, blank())])
    assert found.masks == 48 and found.switched == 0 and found.missed == pytest.approx(1 / 3)


def test_nothing_there_is_no_score_and_unequal_maps_are_refused() -> None:
    found = mask_scores([(blank(), blank())])
    assert found.masks == 0 and found.as_dict()["mota"] is None and found.as_dict()["motp"] is None
    with pytest.raises(ValueError, match="equal shapes of more than 2 frames"):
        mask_scores([(blank(), blank(9))])
    with pytest.raises(ValueError, match="more than 2 frames"):
        mask_scores([(blank(2), blank(2))])
