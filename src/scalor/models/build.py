"""All world models by their configs: a config says by its type, and in JSON by its ``kind``, which model it is of."""

from collections.abc import Callable
from typing import Any

from scalor.models.base import WorldModel
from scalor.models.baselines.air import Air, AirConfig
from scalor.models.baselines.seq_vae import SeqVae, SeqVaeConfig
from scalor.models.baselines.silot import Silot, SilotConfig
from scalor.models.baselines.sqair import Sqair, SqairConfig
from scalor.models.baselines.vrnn import Vrnn, VrnnConfig
from scalor.models.config import ModelConfig
from scalor.models.scalor import Scalor

AnyConfig = ModelConfig | VrnnConfig | SeqVaeConfig | AirConfig | SqairConfig | SilotConfig

MODELS: dict[type[Any], Callable[[Any], WorldModel]] = {
    ModelConfig: Scalor,
    VrnnConfig: Vrnn,
    SeqVaeConfig: SeqVae,
    AirConfig: Air,
    SqairConfig: Sqair,
    SilotConfig: Silot,
}
CONFIGS = tuple(MODELS)
"""In JSON, a config without ``kind`` is SCALOR's."""


def build(config: AnyConfig) -> WorldModel:
    """The untrained model of a config. Raises ValueError or RuntimeError for sizes that cannot be built."""
    return MODELS[type(config)](config)
