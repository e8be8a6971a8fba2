"""The z-layer of weights alone: a convolution, for vectors a linear map."""

from __future__ import annotations

import math

from torch import Tensor, nn

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


class ConvBlock(Block):
    """a -> dropout(activation(norm(z))), z = W * a + b; with `residual`, a is added to it."""

    convolutions = 1

    def __init__(self, plan: LayerPlan, settings: BlockSettings) -> None:
        super().__init__(plan, settings)
        self.z = affine(plan)
        self.norm = make_norm(settings.norm, len(plan.stride), plan.out_shape[0])
        self.activation = ACTIVATIONS[settings.activation]()
        self.dropout = make_dropout(settings.dropout)
        self.residual = settings.residual
        self.projection = shortcut.projection(plan) if settings.residual else nn.Identity()
        self.crop = shortcut.centres(plan)

    def forward(self, a: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.activation(self.norm(self.z(a))))
        if not self.residual:
            return out
        return out + self.projection(a[self.crop] if self.crop else a)

    @staticmethod
    def count_parameters(plan: LayerPlan, settings: BlockSettings) -> int:
        norm = 2 * plan.out_shape[0] if settings.norm != "none" else 0
        past = shortcut.count_parameters(plan) if settings.residual else 0
        return plan.weights + norm + past

    @staticmethod
    def count_activations(plan: LayerPlan, settings: BlockSettings) -> int:
        """The output; with a norm its input, with dropout its mask and input; the sum."""
        copies = 1 + (settings.norm != "none") + 2 * (settings.dropout > 0) + settings.residual
        return copies * math.prod(plan.out_shape)
