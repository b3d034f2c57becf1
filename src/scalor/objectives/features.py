"""Features of pictures: VGG16 up to its third block, frozen."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scalor.errors import UserError

STACK = (
    ("conv1_1", 0),
    ("conv1_2", 2),
    ("conv2_1", 5),
    ("conv2_2", 7),
    ("conv3_1", 10),
    ("conv3_2", 12),
    ("conv3_3", 14),
)
"""The convolutions by their names, and by their numbers in torchvision's ``features``."""
POOLED = ("conv2_1", "conv3_1")
"""These see the halved output of the one before."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, RGB: what torchvision's weights expect."""
CAFFE_MEAN, CAFFE_SCALE = (104.00699, 116.66877, 122.67892), 255.0
"""Of the packaged weights: blue, green, red in 0..255 less this mean."""


class Vgg(nn.Module):
    """Outputs of chosen rectified convolutions; nothing here is trained, saved, or in train mode.

    Where ``like_torchvision``, inputs and outputs are scaled so that the packaged weights stand in for torchvision's on
    what these are given: with ``centred`` pictures less ImageNet's mean, without it plain ones in [0, 1].
    """

    def __init__(self, source: str, layers: Sequence[str], *, centred: bool = True) -> None:
        super().__init__()
        self.layers, self.centred = tuple(layers), centred
        weights, self.caffe = _loaded(source)
        last = max(index for index, (name, _) in enumerate(STACK) if name in layers)
        self.names = [name for name, _ in STACK[: last + 1]]
        for name in self.names:
            for kind in ("weight", "bias"):
                self.register_buffer(f"{name}_{kind}", weights[f"{name}.{kind}"].float(), persistent=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of RGB (or grey) pictures [B, C, H, W] in [0, 1], in the order of the network's layers."""
        hidden = self._prepared(pictures.expand(-1, 3, -1, -1))
        found = []
        for name in self.names:
            if name in POOLED:
                hidden = F.max_pool2d(hidden, 2)
            hidden = F.relu(F.conv2d(hidden, self._of(name, "weight"), self._of(name, "bias"), padding=1))
            if name in self.layers:
                found.append(hidden / self._unit if self.caffe else hidden)
        return found

    @property
    def _unit(self) -> float:
        """Packaged input per unit of torchvision's: both networks pass a factor on their input through."""
        return CAFFE_SCALE * sum(STD) / 3

    def _of(self, name: str, kind: str) -> Tensor:
        return self.get_buffer(f"{name}_{kind}")

    def _prepared(self, pictures: Tensor) -> Tensor:
        if not self.centred:
            return pictures.flip(1) * self._unit if self.caffe else pictures
        mean, std = (CAFFE_MEAN, (1.0, 1.0, 1.0)) if self.caffe else (MEAN, STD)
        shown = pictures.flip(1) * CAFFE_SCALE if self.caffe else pictures
        shape = (1, 3, 1, 1)
        return (shown - shown.new_tensor(mean).view(shape)) / shown.new_tensor(std).view(shape)


def _loaded(source: str) -> tuple[Mapping[str, Tensor], bool]:
    """Weights by our names, and whether they expect Caffe's input.

    Raises UserError where torchvision is missing or a file has no such weights.
    """
    from safetensors.torch import load_file

    if source == "packaged":
        return load_file(str(files("scalor.objectives") / "assets" / "vgg16_conv1-3.safetensors")), True
    if source == "torchvision":
        return _of_torchvision(_downloaded()), False
    path = Path(source)
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
        if "conv1_1.weight" in found:
            return {f"{name}.{kind}": found[f"{name}.{kind}"] for name, _ in STACK for kind in ("weight", "bias")}, True
        return _of_torchvision(found), False
    except Exception as error:  # every reader raises its own
        raise UserError(
            f"features {source} cannot be read as VGG16 ({type(error).__name__}: {error}); wanted packaged, "
            "torchvision, or a file of VGG16's weights (.safetensors or .pth); correct train.features"
        ) from error


def _downloaded() -> Mapping[str, Tensor]:
    try:
        from torchvision.models import VGG16_Weights, vgg16
    except ImportError as error:
        raise UserError(
            "features torchvision were asked for and torchvision is not installed; install it, or leave train.features "
            "at packaged"
        ) from error
    return vgg16(weights=VGG16_Weights.IMAGENET1K_V1).state_dict()


def _of_torchvision(found: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {
        f"{name}.{kind}": found[f"features.{number}.{kind}"] for name, number in STACK for kind in ("weight", "bias")
    }
