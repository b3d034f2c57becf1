"""The stand-in for MOTSynth must not be solved by what needs no learning."""

from scalor.data.crowd import Crowd, crowd
from scalor.metrics.mot import evaluate_many

from .classical import mog2_table


def test_background_subtraction_and_sort_stay_below_60_mota_on_crowds() -> None:
    pairs = []
    for index in (0, 5):
        clip = Crowd(crowd("hard"), seed=11).clip(index, 25)
        assert clip.truth is not None
        frames = (frame.permute(1, 2, 0).numpy() for frame in clip.video)
        pairs.append((clip.truth.tracks(0.0), mog2_table(frames, masks=False)))
    scores = evaluate_many(pairs, iou=0.5)
    assert scores.truth_count / scores.frames > 10 and scores.tp > 0
    assert scores.mota < 0.6
