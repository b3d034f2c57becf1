"""Trainings on footage that start from weights which were learned before."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalor import pretrained
from scalor.errors import UserError
from scalor.models.build import build
from scalor.training.checkpoint import Plan
from scalor.training.preset import apply_overrides

EXPERIENCED: dict[str, Any] = {
    "soften": 1.0,
    "birth": (1e-6, 1e-6),
    "temperature_steps": 1,
    "lr": 6e-4,
    "steps": 1000,
}
"""What changes in the recipe of a training that starts from weights: nothing has to be found out any more."""


def started(plan: Plan, start: str | os.PathLike[str], given: Mapping[str, str]) -> Plan:
    """The plan with weights to start from, and the shorter training that they need; what the user set stays.

    ``given``: the user's changes of the preset. Raises UserError where the weights are not of the plan's model.
    """
    if not pretrained.fits(start, build(plan.preset.model)):
        raise UserError(
            f"the weights {os.fspath(start)} are of another model than {plan.preset.name} for these videos; weights of "
            "the same shape are wanted; leave --from out"
        )
    weights = os.fspath(start)
    if weights not in pretrained.names():
        weights = str(Path(weights).resolve())
    recipe = dataclasses.replace(plan.preset.recipe, **EXPERIENCED)
    mine = {key: text for key, text in given.items() if key.startswith("train.")}
    made = apply_overrides(dataclasses.replace(plan.preset, recipe=recipe), mine)
    return dataclasses.replace(plan, preset=made, start=weights)
