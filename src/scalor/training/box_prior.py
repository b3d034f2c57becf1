"""The prior of a model's boxes, fitted to the sizes and shapes that single objects of the videos have."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from scalor.core.geometry import WhereConfig
from scalor.models.config import ModelConfig
from scalor.training.checkpoint import Plan
from scalor.training.foreground_blobs import ROOM
from scalor.training.object_sizes import FASTEST
from scalor.training.usual_box import LEAST_SHAPES, UsualBox

LARGEST = 0.5
"""Largest mean side that perspective gives a box, in heights of the view."""
LEAST_SIZES = 0.3
"""Least deviation of log sizes that boxes can have."""


def fitted_where(where: WhereConfig, rules: Sequence[UsualBox]) -> WhereConfig:
    """Boxes of the shapes that the videos' objects have, if that is known and narrower than what was allowed; and of
    their sizes, where those were measured for boxes (`UsualBox.middle`)."""
    if where.scale == "log" and rules and all(rule.reach < math.inf for rule in rules):
        low, high = min(rule.middle - rule.reach for rule in rules), max(rule.middle + rule.reach for rule in rules)
        reach = max(LEAST_SIZES, (high - low) / 2)
        where = replace(where, size=ROOM * math.exp((low + high) / 2), size_range=reach)
    if where.scale != "log" or not rules or any(rule.shapes == math.inf for rule in rules):
        return where
    low, high = min(rule.shape - rule.shapes for rule in rules), max(rule.shape + rule.shapes for rule in rules)
    middle, reach = (low + high) / 2, max(LEAST_SHAPES, (high - low) / 2)
    if reach >= where.ratio_range:
        return where
    return replace(where, ratio=math.exp(middle), ratio_range=reach)


def with_fitted_prior(
    plan: Plan, rules: Sequence[UsualBox], given: Mapping[str, str], say: Callable[[str], None] = print
) -> Plan:
    """The plan with the rules and their perspective, which it says, and with boxes by `fitted_where`, unless the user
    said in the settings ``given`` what boxes are like, or they are seen through grain."""
    model = plan.preset.model
    if not isinstance(model, ModelConfig) or not rules:
        return plan
    seen = rules[0].perspective
    if words := seen.words():
        say(words)
    where = seen.of(model.where)
    if not {"model.where.motion", "model.where.ground"}.isdisjoint(given):
        where = replace(where, motion=model.where.motion, ground=model.where.ground)
    # In grain only the brightest parts stand out; the survey sees through it.
    if not plan.smooth and not any(key.startswith(("model.where.", "data.object_")) for key in given):
        where = fitted_where(where, rules)
    if where.tilt:  # what fills the view would cost more than all the rest, in memory too
        nearest = max(1.0, min(where.nearest, LARGEST * seen.height / where.sizes[1]))
        if where.ground and "model.where.motion" not in given:
            # Near things are as fast as they are, however large a box may be.
            where = replace(where, motion=min(FASTEST, where.nearest / nearest * where.motion))
        where = replace(where, nearest=nearest)
    return replace(plan, preset=replace(plan.preset, model=replace(model, where=where)), usual=tuple(rules))
