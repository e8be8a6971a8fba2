"""What every kind of z-layer is: (N, *plan.in_shape) to (N, *plan.out_shape).

Shapes: N samples, C channels (or units), L length, H height, W width, P positions.

All kinds read their input through the same windows, ``kernel`` positions wide and ``stride`` apart,
and give the same number of channels. What depth means for size, length and receptive field is
therefore the same for all of them. They differ in what they do with a window.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from zmodel.model.dropout import Dropout
from zmodel.model.layer_plan import LayerPlan

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
NORMS = ("none", "batch", "layer")
# by the number of position axes: none for vectors, one for signals, two for images
BATCH_NORM: tuple[type[nn.Module], ...] = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)
CONVOLUTION: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}


@dataclass(frozen=True)
class BlockSettings:
    """What all z-layers of a network share."""

    norm: str = "none"
    activation: str = "relu"
    dropout: float = 0.0
    residual: bool = False


class Block(nn.Module, ABC):
    """One z-layer, built from its plan."""

    needs_positions: ClassVar[bool] = False
    """Whether it makes no sense for vectors."""
    convolutions: ClassVar[int] = 0
    """How many it makes one after the other; 0: a position of its output depends on all of its
    input."""
    multiple: ClassVar[int] = 1
    """The number of channels is rounded up to a multiple of this."""

    @abstractmethod
    def __init__(self, plan: LayerPlan, settings: BlockSettings) -> None:
        super().__init__()

    @staticmethod
    @abstractmethod
    def count_parameters(plan: LayerPlan, settings: BlockSettings) -> int:
        """Learnable numbers, before anything is built."""

    @staticmethod
    @abstractmethod
    def count_activations(plan: LayerPlan, settings: BlockSettings) -> int:
        """About how many numbers per sample the backward pass needs, without the input."""


def make_norm(norm: str, axes: int, channels: int) -> nn.Module:
    """`layer` is over the units of a vector, over channels and positions of a signal or image."""
    if norm == "batch":
        return BATCH_NORM[axes](channels)
    if norm == "layer":
        return nn.GroupNorm(1, channels) if axes else nn.LayerNorm(channels)
    return nn.Identity()


def make_dropout(probability: float) -> nn.Module:
    return Dropout(probability) if probability else nn.Identity()


def affine(plan: LayerPlan, bias: bool = True) -> nn.Module:
    """W of a layer: a linear map for vectors, a convolution for signals and images."""
    c_in, c_out = plan.in_shape[0], plan.out_shape[0]
    if not plan.stride:
        return nn.Linear(c_in, c_out, bias=bias)
    convolution = CONVOLUTION[len(plan.stride)]
    return convolution(c_in, c_out, plan.kernel, plan.stride, plan.padding, bias=bias)
