"""The recurrent z-layer: a bidirectional GRU over the windows.

Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (EMNLP 2014).
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from zmodel.model.blocks.block import Block, BlockSettings, make_dropout, make_norm
from zmodel.model.layer_plan import LayerPlan


class GRUBlock(Block):
    """a -> dropout(norm(h)), h the states of a GRU that reads the windows of a in both directions.

    The positions of an image are read row by row. Each direction has half the channels, whose
    number is rounded up to an even one. A GRU has its own activations: tanh and sigmoid.
    """

    needs_positions = True
    multiple = 2

    def __init__(self, plan: LayerPlan, settings: BlockSettings) -> None:
        super().__init__(plan, settings)
        self.plan = plan
        self.gru = nn.GRU(
            window_size(plan), plan.out_shape[0] // 2, batch_first=True, bidirectional=True
        )
        self.norm = make_norm(settings.norm, len(plan.stride), plan.out_shape[0])
        self.dropout = make_dropout(settings.dropout)

    def forward(self, a: Tensor) -> Tensor:
        states, _ = self.gru(windows(a, self.plan))  # (N, P, C)
        h = states.transpose(1, 2).reshape(-1, *self.plan.out_shape)
        out: Tensor = self.dropout(self.norm(h))
        return out

    @staticmethod
    def count_parameters(plan: LayerPlan, settings: BlockSettings) -> int:
        """Three gates per direction, each with weights of window and state and two biases."""
        half = plan.out_shape[0] // 2
        norm = 2 * plan.out_shape[0] if settings.norm != "none" else 0
        return 2 * 3 * half * (window_size(plan) + half + 2) + norm

    @staticmethod
    def count_activations(plan: LayerPlan, settings: BlockSettings) -> int:
        """The windows; about nine numbers per state; norm and dropout."""
        positions = math.prod(plan.out_shape[1:])
        copies = 9 + (settings.norm != "none") + (settings.dropout > 0)
        return positions * window_size(plan) + copies * math.prod(plan.out_shape)


def windows(a: Tensor, plan: LayerPlan) -> Tensor:
    """(N, C, *positions) to (N, P, C * kernel ** axes): what a convolution would multiply by W."""
    if len(plan.stride) == 2:
        cut = F.unfold(a, plan.kernel, padding=plan.padding, stride=plan.stride)
    else:
        kernel, padding, stride = (1, plan.kernel), (0, *plan.padding), (1, *plan.stride)
        cut = F.unfold(a.unsqueeze(2), kernel, padding=padding, stride=stride)
    return cut.transpose(1, 2)


def window_size(plan: LayerPlan) -> int:
    return int(plan.in_shape[0] * plan.kernel ** len(plan.stride))
