"""The attention z-layer: a convolution and a transformer encoder layer.

Vaswani et al., Attention Is All You Need (NeurIPS 2017), with the norms before the weights (Xiong
et al., ICML 2020). Order comes from the convolutions and from the classifier, which weighs every
position of its own; there is no encoding of positions (Chu et al., ICLR 2023).
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from zmodel.model.blocks.block import (
    ACTIVATIONS,
    Block,
    BlockSettings,
    affine,
    make_dropout,
    make_norm,
)
from zmodel.model.layer_plan import LayerPlan

HEADS = 4
EXPANSION = 2
"""Units of the feed-forward part per channel."""


class AttentionBlock(Block):
    """x = W * a + b, then x + dropout(attention(norm(x))), then x + dropout(feed_forward(norm(x))).

    The number of channels is rounded up to a multiple of the four heads. Every position attends to
    every other; of an image, positions are taken row by row. `norm` is that of the other kinds:
    `layer` is over channels and positions.
    """

    needs_positions = True
    multiple = HEADS

    def __init__(self, plan: LayerPlan, settings: BlockSettings) -> None:
        super().__init__(plan, settings)
        channels = plan.out_shape[0]
        self.z = affine(plan)
        self.norm = make_norm(settings.norm, 1, channels)
        self.queries_keys_values = nn.Conv1d(channels, 3 * channels, 1)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.norm2 = make_norm(settings.norm, 1, channels)
        self.expand = nn.Conv1d(channels, EXPANSION * channels, 1)
        self.activation = ACTIVATIONS[settings.activation]()
        self.contract = nn.Conv1d(EXPANSION * channels, channels, 1)
        self.dropout = make_dropout(settings.dropout)

    def forward(self, a: Tensor) -> Tensor:
        z = self.z(a)
        x = z.flatten(2)  # (N, C, P)
        x = x + self.dropout(self.mix(self._attention(self.norm(x))))
        wide = self.activation(self.expand(self.norm2(x)))
        x = x + self.dropout(self.contract(wide))
        return x.reshape(z.shape)

    def _attention(self, x: Tensor) -> Tensor:
        heads = self.queries_keys_values(x).unflatten(1, (3, HEADS, -1)).transpose(3, 4)
        q, k, v = heads.unbind(1)  # (N, heads, P, C / heads) each
        return F.scaled_dot_product_attention(q, k, v).transpose(2, 3).flatten(1, 2)

    @staticmethod
    def count_parameters(plan: LayerPlan, settings: BlockSettings) -> int:
        c = plan.out_shape[0]
        attention = 4 * c * (c + 1)
        feed_forward = 2 * EXPANSION * c * c + (EXPANSION + 1) * c
        return plan.weights + attention + feed_forward + (4 * c if settings.norm != "none" else 0)

    @staticmethod
    def count_activations(plan: LayerPlan, settings: BlockSettings) -> int:
        """Of the attention nine per channel, of the feed-forward part seven; norms and dropout."""
        copies = 16 + 2 * (settings.norm != "none") + 2 * (settings.dropout > 0)
        return copies * math.prod(plan.out_shape)
