"""Small perceptrons."""

from torch import nn

from scalor.nets.pyramid import activation


def mlp(inputs: int, *widths: int, act: str) -> nn.Sequential:
    """Linear layers with activations between them, none after the last."""
    layers: list[nn.Module] = []
    for position, width in enumerate(widths):
        layers.append(nn.Linear(inputs, width))
        if position < len(widths) - 1:
            layers.append(activation(act))
        inputs = width
    return nn.Sequential(*layers)
