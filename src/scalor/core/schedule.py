"""Schedules: everything that changes during training, as pure functions of (step, progress)."""

import math
from dataclasses import dataclass

from scalor.core.jsonable import later
from scalor.core.types import Knobs


@dataclass(frozen=True)
class Weight:
    """How much the scalar ``name`` of an objective counts: 0 until progress ``start``, ``value`` from ``full`` on."""

    name: str
    value: float
    start: float = 0.0
    full: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; ``progress`` runs from 0 to 1 over the steps, or over the minutes, of the training.

    batch, lr, warmup      clips per step; Adam's learning rate; steps of linear warm-up
    optimizer              "adam" or "rmsprop" (paper)
    lr_final               share of lr left at the end of the cosine
    clip_norm              gradient norm is clipped here
    lengths                clip-length curriculum: (from progress, frames)
    temperature, temperature_steps   end value of the exponential anneal from 1.0 (paper: 0.3 in 20 000 steps)
    birth, birth_steps     (first, last) prior presence of proposals, linear (paper: 0.1 to 1e-4 in 500 steps)
    first_birth            prior presence of proposals (per cell, so it goes with the cell's size) until something was
                           born; 0: as everywhere
    detach_until           progress until which no gradient flows between frames (spec A.13-7)
    discover_dropout       probability of a frame without discovery, until ``dropout_until``; teaches propagation
    cuts                   share of the clips that go on as another clip at some frame, so that everything in them ends
    covers                 share of the clips before which something passes that the model looks at but need not
                           explain: it must remember what is behind (see `occluders.cover`)
    hurry                  on footage, share of the clips that are seen at twice the speed
    crowded                on footage, share of the clips before which things of another moment pass, so that objects
                           touch and hide each other more often than they do (see `scalor.training.copy_paste`)
    jitter, jitter_beside  std, in sides, by which carried boxes are changed in size and shape and, with room around
                           them, put aside, and by which those without are put aside, before a frame is looked at, in
                           every other step: clips of a few frames do not show what becomes of small errors in thousands
                           (`Knobs.jitter`)
    jitter_looks           std by which looks are changed there
    bootstrap              on footage, weight at the start of what objects lack of the blobs that move; it falls to 0 at
                           the end (see `scalor.training.bootstrap`)
    carry_until            progress until which carried objects cannot fade: thin strokes drawn a pixel beside their
                           place are worse than nothing, so that a young tracker would let everything go
    blind_every            every so many steps only the first half of the clips (of 4 frames or more) is looked at: the
                           prior must predict what follows; 0: never
    blind_frames           how many follow on such a step: (from progress, frames)
    background_steps       steps of the background curriculum: alpha is ``background_alpha`` everywhere (spec A.13-8)
    soften, soften_until   factor on sigma at the start, falling to 1 exponentially, and the progress at which it is 1
    ema                    decay of the weights' average used for evaluation, 0: none
    steps                  default length of a training
    objectives, weights    what is lessened beside -ELBO (`scalor.objectives.extras`), and how much each of it counts
    features               of the perceptual loss: "packaged", "torchvision" (the user's own), or a file of weights
    """

    batch: int = 16
    optimizer: str = "adam"
    lr: float = 2e-3
    warmup: int = 100
    lr_final: float = 0.05
    clip_norm: float = 1.0
    lengths: tuple[tuple[float, int], ...] = ((0.0, 2), (0.08, 4), (0.4, 8))
    temperature: float = 0.3
    temperature_steps: int = 500
    birth: tuple[float, float] = (0.1, 1e-3)
    birth_steps: int = 500
    first_birth: float = 0.0
    detach_until: float = 0.0
    discover_dropout: float = 0.5
    dropout_until: float = 0.08
    cuts: float = 0.25
    covers: float = 0.0
    bootstrap: float = later(0.0)
    hurry: float = later(0.0)
    jitter: float = later(0.0)
    jitter_beside: float = later(0.0)
    jitter_looks: float = later(0.0)
    crowded: float = later(0.0)
    carry_until: float = 0.08
    blind_every: int = 4
    blind_frames: tuple[tuple[float, int], ...] = ((0.0, 2), (0.4, 12), (0.7, 20))
    background_steps: int = 0
    background_alpha: float = 0.9
    soften: float = 1.0
    soften_until: float = 0.5
    ema: float = 0.998
    steps: int = 4000
    objectives: tuple[str, ...] = ()
    weights: tuple[Weight, ...] = ()
    features: str = "packaged"


def weight_at(weight: Weight, progress: float) -> float:
    """What a weight is at a progress: a linear ramp."""
    if progress < weight.start:
        return 0.0
    rise = weight.full - weight.start
    return weight.value if rise <= 0 else weight.value * min(1.0, (progress - weight.start) / rise)


def bootstrap_weight(recipe: Recipe, progress: float) -> float:
    """Weight of the loss against the pseudo-labels that blobs give."""
    return recipe.bootstrap * (1.0 - min(1.0, progress))


def clip_length(recipe: Recipe, step: int, progress: float) -> int:
    """Frames per training clip."""
    sighted = frames_seen(recipe, step, progress)
    return _at(recipe.lengths, progress) if sighted is None else sighted + _at(recipe.blind_frames, progress)


def frames_seen(recipe: Recipe, step: int, progress: float) -> int | None:
    """Frames of the clips that are looked at, where it is not all of them."""
    frames = _at(recipe.lengths, progress)
    blind = recipe.blind_every > 0 and step % recipe.blind_every == recipe.blind_every - 1 and frames >= 4
    return frames // 2 if blind else None


def _at(table: tuple[tuple[float, int], ...], progress: float) -> int:
    return [frames for start, frames in table if progress >= start][-1]


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up, then cosine from lr to lr * lr_final."""
    warm = min(1.0, (step + 1) / max(1, recipe.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))
    return recipe.lr * warm * (recipe.lr_final + (1 - recipe.lr_final) * cosine)


def ema_decay(recipe: Recipe, step: int) -> float:
    """Decay of the weight average; short at the start so that early weights are forgotten."""
    return min(recipe.ema, (1 + step) / (10 + step))


def knobs_at(recipe: Recipe, step: int, progress: float) -> Knobs:
    """The knobs of a training step."""
    share = min(1.0, step / max(1, recipe.temperature_steps))
    first, last = recipe.birth
    fade = min(1.0, step / max(1, recipe.birth_steps))
    disturbed = step % 2
    return Knobs(
        temperature=math.exp(share * math.log(recipe.temperature)),
        birth=first + (last - first) * fade,
        first_birth=recipe.first_birth or None,
        detach=progress < recipe.detach_until,
        discover_dropout=recipe.discover_dropout if progress < recipe.dropout_until else 0.0,
        carry=progress < recipe.carry_until,
        sighted=frames_seen(recipe, step, progress),
        soften=recipe.soften ** max(0.0, 1.0 - progress / max(1e-9, recipe.soften_until)),
        alpha_override=recipe.background_alpha if step < recipe.background_steps else None,
        jitter=disturbed * recipe.jitter,
        jitter_beside=disturbed * recipe.jitter_beside,
        jitter_looks=disturbed * recipe.jitter_looks,
    )
