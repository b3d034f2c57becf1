"""What may be added to the ELBO: objectives by name, each a function (video, rollout, step) -> named scalars.

The names of the scalars must be those of the weights, or a training refuses to start. With an objective the loss is no
bound any more, so the ELBO is always reported apart.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from scalor.core.jsonable import nearest
from scalor.core.schedule import Recipe, Weight, weight_at
from scalor.errors import UserError
from scalor.models.base import WorldConfig
from scalor.objectives.adversarial import Adversarial, LiteralAdversarial
from scalor.objectives.masks import BoundaryLoss, HalfTransparency
from scalor.objectives.perceptual import LiteralPerceptual, Perceptual
from scalor.objectives.plug import Critic, Objective
from scalor.rollout import Rollout

OBJECTIVES: dict[str, type[Objective]] = {
    "perceptual": Perceptual,
    "perceptual-literal": LiteralPerceptual,
    "adversarial": Adversarial,
    "adversarial-literal": LiteralAdversarial,
    "alpha": HalfTransparency,
    "boundary": BoundaryLoss,
}
"""What may be plugged in. The literal ones are the study's own, number for number."""


class Extras(nn.Module):
    """The objectives of a training and their weights; empty by default, and then the loss is -ELBO alone.

    Raises UserError for an unknown objective, and where the objectives' names are not the weights' names.
    """

    def __init__(self, recipe: Recipe, model: WorldConfig) -> None:
        super().__init__()
        refuse_misnamed(recipe)
        with torch.random.fork_rng():  # the model's own numbers must not depend on what is plugged in
            made = [OBJECTIVES[name](recipe, model) for name in recipe.objectives]
        self.parts = nn.ModuleList(made)
        self.weights: Mapping[str, Weight] = {weight.name: weight for weight in recipe.weights}

    @property
    def critics(self) -> list[Critic]:
        """The objectives that learn themselves."""
        return [part for part in self.parts if isinstance(part, Critic)]

    def forward(
        self, video: Tensor, rollout: Rollout, step: int, progress: float
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """The weighted sum to be added to the loss (None: nothing weighs anything now), and the plain scalars."""
        due = {name: weight_at(weight, progress) for name, weight in self.weights.items()}
        found: dict[str, Tensor] = {}
        for part in self.parts:
            assert isinstance(part, Objective)
            if any(due[name] > 0 for name in part.names):
                found |= part(video, rollout, step)
        terms = [due[name] * value for name, value in found.items() if due[name] > 0]
        return (torch.stack(terms).sum() if terms else None), found


def refuse_misnamed(recipe: Recipe) -> None:
    """Raises UserError for an unknown objective, and where objectives and weights do not name the same scalars."""
    for name in recipe.objectives:
        if name not in OBJECTIVES:
            raise UserError(f"objective {name} is unknown; {nearest(name, OBJECTIVES)}")
    given = sorted(scalar for name in recipe.objectives for scalar in OBJECTIVES[name].names)
    weighed = sorted(weight.name for weight in recipe.weights)
    if given != weighed:
        raise UserError(
            f"the objectives give {', '.join(given) or 'nothing'} and the weights name "
            f"{', '.join(weighed) or 'nothing'}; the same names, each once, are wanted; "
            "correct train.objectives or train.weights"
        )
