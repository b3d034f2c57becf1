"""An untrained model that finds something in every picture, and small noisy videos."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scalor.core.geometry import WhereConfig
from scalor.models.config import (
    BackgroundConfig,
    DiscoverConfig,
    EncoderConfig,
    GlimpseConfig,
    ModelConfig,
    PropagateConfig,
)
from scalor.models.scalor import Scalor

MakeModel = Callable[..., Scalor]


def toy_model(*, channels: int = 3, background: str = "none", seed: int = 0) -> Scalor:
    """A tiny model with random weights and biases under which objects appear, stay and cover their boxes."""
    config = ModelConfig(
        channels=channels,
        cell=8,
        where=WhereConfig(size=10.0, size_range=4.0, ratio=1.0, ratio_range=0.3, reach=0.8, motion=3.0),
        encoder=EncoderConfig(widths=(8, 8), memory=8, mask_widths=(4, 4)),
        glimpse=GlimpseConfig(side=8, hidden=(32,), what=8, alpha_bias=1.0),
        propagate=PropagateConfig(tracker=16, dynamics=16, attended=16, window=2),
        discover=DiscoverConfig(presence_bias=0.2, overlap=0.5),
        background=BackgroundConfig(family=background, videos=2),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Scalor(config)
        with torch.no_grad():  # louder than the initial weights, so that pictures matter
            for weight in model.parameters():
                if weight.dim() > 1:
                    weight.mul_(1.5)
    return model.eval()


def toy_frames(count: int, height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """uint8 [count, height, width, 3]: bright squares that move over grey noise."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(80, 120, (count, height, width, 3), dtype=np.uint8)
    start, step = rng.uniform(0, [height, width], (5, 2)), rng.uniform(-2, 2, (5, 2))
    color = rng.integers(160, 256, (5, 3), dtype=np.uint8)
    for time in range(count):
        for (y, x), paint in zip((start + time * step).astype(int), color, strict=True):
            frames[time, max(y, 0) : max(y + 8, 0), max(x, 0) : max(x + 8, 0)] = paint
    return frames


@pytest.fixture
def make_model() -> MakeModel:
    return toy_model


@pytest.fixture
def make_frames() -> Callable[..., np.ndarray]:
    return toy_frames


@pytest.fixture
def write_clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes frames as a folder of images; the numbers in ``broken`` become files that no decoder reads."""

    def write(frames: np.ndarray, *, broken: tuple[int, ...] = (), name: str = "clip") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for number, frame in enumerate(frames):
            file = folder / f"{number:06d}.png"
            if number in broken:
                file.write_bytes(b"no picture")
            else:
                Image.fromarray(frame).save(file)
        return folder

    return write


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a model as a run folder; keywords go into its card."""
    from scalor.pretrained import save

    def write(model: Scalor, *, extra: dict[str, torch.Tensor] | None = None, **card: object) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        save(model, model.config, folder / "weights.safetensors", card, extra=extra)
        return folder

    return write
