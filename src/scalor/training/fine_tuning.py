"""Fine-tuning: trainings that start from weights which were learned before."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from scalor import pretrained
from scalor.core.jsonable import one_of_jsonable
from scalor.core.schedule import Recipe
from scalor.errors import UserError
from scalor.models.build import CONFIGS, AnyConfig, build
from scalor.models.config import ModelConfig
from scalor.training.checkpoint import Plan
from scalor.training.preset import Preset, apply_overrides

LR_FACTOR = 0.3
"""Learning rate of a training that starts from weights, in rates of one from nothing."""
STEPS = 1000
"""Its usual length."""
PRIOR = ("steady", "constant_velocity", "slack", "cell_clip")
AS_LEARNED = (*(f"model.propagate.{name}" for name in PRIOR), "model.encoder.cell_clip")
"""Settings without which weights do not mean what they were learned to mean, whatever the preset has now."""


def fine_tuning_recipe(recipe: Recipe) -> Recipe:
    """The recipe for weights that need not find out anything any more: every curriculum starts where it ends."""
    return dataclasses.replace(
        recipe,
        lr=LR_FACTOR * recipe.lr,
        steps=STEPS,
        lengths=((0.0, recipe.lengths[-1][1]),),
        blind_frames=((0.0, recipe.blind_frames[-1][1]),),
        birth=(recipe.birth[1], recipe.birth[1]),
        temperature_steps=1,
        carry_until=0.0,
        dropout_until=0.0,
        detach_until=0.0,
        background_steps=0,
        soften=1.0,
    )


def preset_of_weights(preset: Preset, start: str | os.PathLike[str]) -> Preset:
    """The preset with the model that weights are of, and the recipe for weights that know something already."""
    config = one_of_jsonable(CONFIGS, pretrained.card(start)["config"], where="config of the weights' card")
    return dataclasses.replace(preset, model=config, recipe=fine_tuning_recipe(preset.recipe))


def plan_from_weights(plan: Plan, start: str | os.PathLike[str], given: Mapping[str, str]) -> Plan:
    """The plan with weights to start from, and the shorter training that they need; what the user set stays.

    Other footage has other looks, which are learned soonest from many short clips: their lengths grow as ever. What the
    prior may expect, and memories may hold, is as it was where the weights were learned.
    ``given``: the user's changes of the preset. Raises UserError where the weights are not of the plan's model.
    """
    refuse_other_model(start, plan.preset)
    mine = {key: text for key, text in given.items() if key.startswith("train.") or key in AS_LEARNED}
    recipe = plan.preset.recipe
    made = dataclasses.replace(
        plan.preset,
        model=_as_learned(plan.preset.model, pretrained.card(start)["config"]),
        recipe=dataclasses.replace(
            fine_tuning_recipe(recipe), lengths=recipe.lengths, blind_frames=recipe.blind_frames
        ),
    )
    return dataclasses.replace(plan, preset=apply_overrides(made, mine), start=pretrained.whole_name(start))


def _as_learned(model: AnyConfig, card: Any) -> AnyConfig:
    """The model's config with those of its settings `AS_LEARNED` that the config of a card has."""
    learned = one_of_jsonable(CONFIGS, card, where="config of the weights' card")
    if not (isinstance(model, ModelConfig) and isinstance(learned, ModelConfig)):
        return model
    then = {name: getattr(learned.propagate, name) for name in PRIOR}
    return dataclasses.replace(
        model,
        propagate=dataclasses.replace(model.propagate, **then),
        encoder=dataclasses.replace(model.encoder, cell_clip=learned.encoder.cell_clip),
    )


def refuse_other_model(start: str | os.PathLike[str], preset: Preset) -> None:
    """Raises UserError where weights are not of the preset's model."""
    if not pretrained.fits(start, build(preset.model)):
        raise UserError(
            f"the weights {os.fspath(start)} are of another model than {preset.name} makes here; weights of "
            "the same shape are wanted; leave --from out"
        )


def refuse_other_start(plan: Plan, start: str | os.PathLike[str] | None) -> None:
    """Raises UserError where a resumed run is to start from other weights than it did."""
    if start is not None and plan.start not in (pretrained.whole_name(start), os.fspath(start)):
        began = f"started from {plan.start}" if plan.start else "started from nothing"
        raise UserError(
            f"the run {began} and {os.fspath(start)} came; a resumed run goes on from its own checkpoint; leave --from "
            "out, or start a new run"
        )
