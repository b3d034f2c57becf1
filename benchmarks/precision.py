"""Does bf16 or torch.compile make a training step of fast-sprites-md cheaper here? Ratios to plain float32.

python benchmarks/precision.py [REPEATS]
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from scalor.cli.bench_command import VARIANTS
from scalor.cli.bench_step import busy_model, median_seconds, training_step
from scalor.configs import data_named, preset_named
from scalor.data.loader import batch_at
from scalor.models.scalor import Scalor


def networks(model: Scalor) -> tuple[nn.Module, ...]:
    """The image networks, where most of the arithmetic is; the loop over frames and the packing depend on the data."""
    return model.encoder.stack, model.glimpses, model.painter.decoder


def plain(model: Scalor) -> None:
    """Nothing changes."""


def in_bf16(model: Scalor) -> None:
    """The networks compute in bfloat16 (autocast) and answer in float32."""
    for module in networks(model):
        forward = module.forward

        def cast(*inputs: Tensor, forward: Callable[..., Tensor] = forward) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return forward(*inputs).float()

        module.forward = cast  # type: ignore[method-assign]


def compiled(model: Scalor) -> None:
    """The networks are compiled, with shapes that vary."""
    for module in networks(model):
        module.compile(dynamic=True)


WAYS: dict[str, Callable[[Scalor], None]] = {"float32": plain, "bf16 networks": in_bf16, "compiled networks": compiled}


def main(repeats: int = 7) -> None:
    torch.set_flush_denormal(True)
    task = VARIANTS["fast"]
    preset = preset_named(task.preset)
    video = batch_at(data_named(task.data, 0), 0, step=0, batch=task.batch, frames=task.frames)
    seconds: dict[str, float] = {}
    for name, change in WAYS.items():
        torch.manual_seed(0)
        model, _ = busy_model(preset, task)
        change(model)
        try:
            seconds[name] = median_seconds(
                training_step(model, preset.recipe, lambda number: video), repeats, warm_up=3
            )
        except Exception as error:  # whatever a compiler raises is an answer, too
            print(f"{name:20} fails: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
            continue
        print(f"{name:20} {seconds[name]:.3f} s   {seconds[name] / seconds['float32']:.2f} x float32", flush=True)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:]))
