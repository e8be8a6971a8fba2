"""The residual z-layer: two convolutions or linear maps, and a shortcut.

He et al., Deep Residual Learning for Image Recognition (CVPR 2016), the block of two weights.
"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from zmodel.model.blocks import shortcut
from zmodel.model.blocks.block import (
    ACTIVATIONS,
    Block,
    BlockSettings,
    affine,
    make_dropout,
    make_norm,
)
from zmodel.model.layer_plan import LayerPlan


class ResidualBlock(Block):
    """a -> dropout(activation(norm(W2 * activation(norm(W1 * a))) + a)); W1 has the stride."""

    convolutions = 2

    def __init__(self, plan: LayerPlan, settings: BlockSettings) -> None:
        super().__init__(plan, settings)
        axes, channels = len(plan.stride), plan.out_shape[0]
        self.z = affine(plan)
        self.norm = make_norm(settings.norm, axes, channels)
        self.z2 = affine(second(plan))
        self.norm2 = make_norm(settings.norm, axes, channels)
        self.activation = ACTIVATIONS[settings.activation]()
        self.dropout = make_dropout(settings.dropout)
        self.projection = shortcut.projection(plan)
        self.crop = shortcut.centres(plan)

    def forward(self, a: Tensor) -> Tensor:
        past = self.projection(a[self.crop] if self.crop else a)
        inner = self.activation(self.norm(self.z(a)))
        out: Tensor = self.dropout(self.activation(self.norm2(self.z2(inner)) + past))
        return out

    @staticmethod
    def count_parameters(plan: LayerPlan, settings: BlockSettings) -> int:
        norms = 4 * plan.out_shape[0] if settings.norm != "none" else 0
        return plan.weights + second(plan).weights + norms + shortcut.count_parameters(plan)

    @staticmethod
    def count_activations(plan: LayerPlan, settings: BlockSettings) -> int:
        """Two outputs, the inputs of two norms, mask and input of the dropout."""
        copies = 2 + 2 * (settings.norm != "none") + 2 * (settings.dropout > 0)
        return copies * math.prod(plan.out_shape)


def second(plan: LayerPlan) -> LayerPlan:
    """The second weights keep the shape."""
    return replace(
        plan,
        in_shape=plan.out_shape,
        stride=(1,) * len(plan.stride),
        padding=((plan.kernel - 1) // 2,) * len(plan.padding),
    )
