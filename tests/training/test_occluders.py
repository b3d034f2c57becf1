"""What passes before a clip in training: where, how much, and that the clip behind is what is to be explained."""

import numpy as np
import torch

from scalor.configs.presets import preset_named
from scalor.core.types import Knobs
from scalor.models.build import build
from scalor.models.scalor import Scalor
from scalor.rollout import observe
from scalor.training.batches import Batch
from scalor.training.occluders import cover


def batch(clips: int = 6, frames: int = 8, side: int = 32) -> Batch:
    return Batch(torch.full((clips, frames, 3, side, side), 77, dtype=torch.uint8))


def test_a_bar_or_a_flash_hides_parts_of_some_clips_and_the_clips_stay_what_they_are() -> None:
    whole, bars, flashes = batch(), 0, 0
    for seed in range(60):
        made = cover(whole, np.random.default_rng(seed), 0.5)
        assert torch.equal(made.video, batch().video)
        if made.shown is None:
            continue
        hidden = (made.shown != 77).any(2).float()  # [B, T, H, W]
        for clip in hidden:
            share = clip.mean((1, 2))
            if not share.any():
                continue
            if float(share.max()) > 0.9:
                flashes += 1
                assert int((share > 0.9).sum()) == 1 and share[0] == 0
            else:
                bars += 1
                assert float(share.max()) < 0.5
                assert bool((clip.amax(1) == clip.amin(1)).float().mean() > 0.5) or bool(
                    (clip.amax(2) == clip.amin(2)).float().mean() > 0.5
                )
    assert bars > 30 and flashes > 5


def test_nothing_is_covered_where_nothing_is_asked_for() -> None:
    whole = batch()
    assert cover(whole, np.random.default_rng(0), 0.0) is whole
    single = batch(frames=1)
    assert cover(single, np.random.default_rng(0), 1.0) is single


def test_the_likelihood_is_of_the_clip_and_the_look_is_at_what_is_shown() -> None:
    """A model that sees nothing of a clip is charged for the clip, and explains what is shown where it sees that."""
    model = build(preset_named("tiny").model)
    assert isinstance(model, Scalor)
    video, shown = torch.zeros(1, 2, 3, 32, 32), torch.ones(1, 2, 3, 32, 32)
    knobs = Knobs(hard=True, stochastic=False)
    plain = observe(model, shown, knobs)
    behind = observe(model, video, knobs, shown=shown)
    assert torch.equal(plain.image, behind.image)
    sigma = model.config.render.sigma
    gap = ((plain.image - video) ** 2 - (plain.image - shown) ** 2).sum((2, 3, 4)).mean() / (2 * sigma**2)
    torch.testing.assert_close(plain.terms.log_like[0] - behind.terms.log_like[0], gap, rtol=1e-4, atol=0.1)
