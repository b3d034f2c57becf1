"""Frames that are only compared with: what happens in them is imagined, and the likelihood teaches the prior."""

import pytest
import torch

from scalor.core.types import Knobs
from scalor.models.config import BackgroundConfig
from scalor.rollout import observe

LOOKING = Knobs(sighted=2, carry=True)


def two_that_part_after_two_frames(model):
    """Rollouts with the same noise of two clips whose first two frames are the same."""
    video = torch.rand(2, 4, 3, 32, 32)
    other = torch.cat([video[:, :2], torch.rand(2, 2, 3, 32, 32)], dim=1)
    seen = []
    for clip in (video, other):
        torch.manual_seed(0)
        with torch.no_grad():
            seen.append(observe(model, clip, LOOKING))
    return seen


def test_blind_frames_are_not_looked_at_but_compared_with(make_model):
    model = make_model()
    seen = two_that_part_after_two_frames(model)
    assert all(torch.equal(seen[0].steps[t].image, seen[1].steps[t].image) for t in range(4))
    assert not torch.equal(seen[0].steps[3].terms.log_like, seen[1].steps[3].terms.log_like)
    for step in seen[0].steps[2:]:
        assert not step.born.any()
        assert all(float(getattr(step.terms, f"kl_{name}").abs().sum()) == 0 for name in ("pres", "where", "what"))


@pytest.mark.parametrize("family", ["encoder", "lattice"])
def test_the_background_is_not_looked_at_either(make_model, family):
    model = make_model(background=BackgroundConfig(family=family))
    seen = two_that_part_after_two_frames(model)
    assert all(torch.equal(seen[0].steps[t].background, seen[1].steps[t].background) for t in range(4))
    assert float(seen[0].steps[3].terms.kl_background.abs().sum()) == 0.0


def test_carried_objects_are_there_for_certain(make_model):
    torch.manual_seed(0)
    with torch.no_grad():
        rollout = observe(make_model(), torch.rand(2, 4, 3, 32, 32), LOOKING)
    first, last = rollout.steps[0].slots, rollout.steps[-1].slots
    assert first.alive.any()
    for element in range(2):
        kept = set(first.id[element][first.alive[element]].tolist())
        assert kept <= set(last.id[element][last.alive[element]].tolist()), "nobody faded"


def test_the_prior_learns_from_the_likelihood_of_blind_frames(make_model):
    model = make_model()
    rollout = observe(model, torch.rand(2, 4, 3, 32, 32), LOOKING)
    rollout.steps[3].terms.log_like.sum().backward()
    grads = [p.grad for p in model.propagate.dynamics.parameters() if p.grad is not None]
    assert grads and sum(float(grad.abs().sum()) for grad in grads) > 0
