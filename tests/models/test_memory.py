"""Memories of long videos are those of the clips that they were learned in."""

import math

import pytest
import torch

from scalor.configs.presets import fast_video
from scalor.models.build import build
from scalor.nets.recurrent import ConvLSTM, LSTMState

CLIP = 8


@pytest.mark.parametrize("cell_clip", [1.0, math.inf])
def test_a_clipped_cell_does_not_count_frames(cell_clip: float) -> None:
    torch.manual_seed(0)
    picture, seen = ConvLSTM(3, 2, cell_clip=cell_clip), LSTMState(5, 4, cell_clip=cell_clip)
    states = [torch.zeros(1, picture.width, 4, 4), torch.zeros(1, 8)]
    kept = []
    with torch.no_grad():
        for gates in (*picture.gates, seen.cell):
            for name, bias in gates.named_parameters():
                if "bias" in name:
                    bias.fill_(4.0)  # every gate is open: the cells add up
        for _ in range(300):
            states = [picture(torch.ones(1, 3, 4, 4), states[0])[1], seen(torch.ones(1, 5), states[1])]
            kept.append(states)
    for early, late in zip(kept[CLIP - 1], kept[-1], strict=True):
        assert torch.allclose(early, late, atol=1e-3) == (cell_clip == 1.0)
        assert (late.abs().max() <= 1.0) == (cell_clip == 1.0)


@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan])
def test_a_bound_that_holds_nothing_is_refused(bound: float) -> None:
    with pytest.raises(ValueError, match="cell_clip is"):
        ConvLSTM(3, 1, cell_clip=bound)
    with pytest.raises(ValueError, match="cell_clip is"):
        LSTMState(3, 1, cell_clip=bound)


def test_what_is_learned_of_footage_has_bounded_memories() -> None:
    """Clips have eight frames, videos thousands."""
    preset = fast_video()
    model = build(preset.model)
    assert max(frames for _, frames in preset.recipe.lengths) == CLIP
    bounds = [part.cell_clip for part in model.modules() if isinstance(part, ConvLSTM | LSTMState)]
    assert len(bounds) == 2 and max(bounds) < CLIP, "a cell reaches its bound within a clip"
