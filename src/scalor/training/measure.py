"""Statistics of a rollout, for the log and the health report."""

import torch
from torch import Tensor

from scalor.core.geometry import box_iou
from scalor.models.base import WorldConfig
from scalor.rollout import Rollout

TERMS = ("log_like", "log_mask", "kl_pres", "kl_where", "kl_what", "kl_depth", "kl_background")


@torch.no_grad()
def measure(rollout: Rollout, video: Tensor, config: WorldConfig) -> dict[str, float]:
    """Numbers of a training step on ``video`` [B, T, C, H, W] in [0, 1]; terms in nats per frame.

    Of a model without objects only terms and ``mse``, the mean squared error per pixel and channel; of others also:

    objects      carried objects per frame
    propagation_rate  share of the objects of frames 1 .. T - 1 that are there a frame later (spec B.2; absent where
                 these frames have no object)
    born         discoveries per frame after the first
    proposed, rejected   proposals per frame, after the first where there is a second
    cover, half  share of pixels with alpha > 0.5; of those with alpha > 0.1 the share in 0.25 .. 0.75
    doubles      pairs of objects with tight-box IoU > 0.5, per object
    largest      share of boxes within 5 % of the largest that the config allows, along both axes
    what_per_object  nats of the appearance code per object
    """
    steps, terms = rollout.steps, rollout.terms
    found = {name: float(getattr(terms, name).mean()) for name in TERMS}
    found["mse"] = float((rollout.image - video).square().mean())
    if config.largest is None:
        return found
    later = steps[1:] or steps
    frames = video.shape[0]
    alive = float(sum(step.slots.alive.sum() for step in steps))
    found["objects"] = alive / (frames * len(steps))
    found["proposed"] = float(sum(step.proposed.sum() for step in later)) / (frames * len(later))
    found["rejected"] = float(sum(step.rejected.sum() for step in later)) / (frames * len(later))
    if len(steps) > 1:
        born = float(sum((step.born & step.slots.alive).sum() for step in later))
        carried = float(sum(step.slots.alive.sum() for step in steps[:-1]))
        survivors = float(sum((step.slots.alive & ~step.born).sum() for step in later))
        found["born"] = born / (frames * len(later))
        if carried:
            found["propagation_rate"] = survivors / carried
    alpha = torch.stack([step.alpha for step in steps])
    painted = (alpha > 0.1).sum().clamp(min=1)
    found["cover"] = float((alpha > 0.5).float().mean())
    found["half"] = float(((alpha > 0.25) & (alpha < 0.75)).sum() / painted)
    if alive:
        found["doubles"] = float(sum(_doubles(step.tight, step.slots.alive) for step in steps)) / alive
        limit = 0.95 * torch.tensor(config.largest)
        large = sum(((step.slots.box[..., 2:] > limit.to(alpha)).all(-1) & step.slots.alive).sum() for step in steps)
        found["largest"] = float(large) / alive
        found["what_per_object"] = found["kl_what"] / max(found["objects"], 1e-6)
    return found


def _doubles(tight: Tensor, alive: Tensor) -> Tensor:
    """Pairs with IoU > 0.5 of boxes [B, N, 4]."""
    iou = box_iou(tight, tight)
    both = alive.unsqueeze(1) & alive.unsqueeze(2)
    return ((iou > 0.5) & both).triu(diagonal=1).sum()
