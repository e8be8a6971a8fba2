"""ZNet: z-layers and a linear classifier, in plain torch.

Shapes: N samples, C channels (or units), F features, L length, H height, W width, K classes.
    vectors (N, F)        -> linear z-layers          -> logits (N, K)
    signals (N, C, L)     -> 1-D convolution z-layers -> logits (N, K)
    images  (N, C, H, W)  -> 2-D convolution z-layers -> logits (N, K)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from zmodel.core.arguments import at_least, at_most, below_one, known
from zmodel.model.blocks.attention import AttentionBlock
from zmodel.model.blocks.block import ACTIVATIONS, NORMS, Block, BlockSettings
from zmodel.model.blocks.conv import ConvBlock
from zmodel.model.blocks.gru import GRUBlock
from zmodel.model.blocks.residual import ResidualBlock
from zmodel.model.layer_plan import NetworkPlan, plan_network
from zmodel.model.short_sight import short_sight

BLOCKS: dict[str, type[Block]] = {
    "conv": ConvBlock,
    "residual": ResidualBlock,
    "gru": GRUBlock,
    "attention": AttentionBlock,
}


class ZNet(nn.Module):
    """`z_layers` z-layers and a linear classifier; returns logits (N, num_classes).

    By example, for signals of shape (1, 40), 10 classes and the other defaults:
        z_layers=0   multinomial logistic regression: Linear(40, 10), 410 parameters
        z_layers=1   one hidden block: (1, 40) -> (25, 20), then Linear(500, 10)
        z_layers=2   two: (1, 40) -> (25, 20) -> (25, 10), then Linear(250, 10)
    z_layers=3 with kernel_size=[5,3,3], padding=1 is the network of Greydanus & Kobak (ICML
    2024): lengths 40, 19, 10, 5, then Linear(125, 10), 5,210 parameters. Without `padding` the
    first length is 20 instead of 19, and the parameters are the same in number.

    input_shape   (features,), (channels, length) or (channels, height, width)
    num_classes   outputs: one per class, or per target of a regression
    block         kind of the z-layers: conv, the weights alone, as above; residual, two
                  convolutions and a way past them; gru, read in both directions; attention, a
                  transformer's layer; gru and attention are for signals and images
    width         channels of the first z-layer; the i-th has round(width * growth**i), least 1; of
                  gru rounded up to an even number, of attention to a multiple of 4
    kernel_size   odd; one for all or a list per z-layer, whose last entry is repeated
    stride        of every z-layer; a length of 1 stays 1, so any depth fits any input
    padding       null: (kernel - 1) / 2; a smaller number is kept while the kernel still fits
    norm          none, batch or layer
    dropout       probability per activation, in [0, 1)
    residual      add the input of a conv z-layer to its output, projected where shapes differ
    kind          auto (by the shape), conv1d, conv2d, or dense, which flattens any input
    pool          what the classifier sees: flatten (all positions), mean (over positions), or auto:
                  mean for signals of more than 256 positions and images of more than 64 on a
                  side, where there are z-layers; else flatten
    max_...       refuse larger networks before they are built

    Weights start as torch initialises them. Raises ValueError for every argument out of range.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        num_classes: int,
        z_layers: int = 3,
        width: int = 25,
        growth: float = 1.0,
        kernel_size: int | Iterable[int] = 3,
        stride: int = 2,
        padding: int | None = None,
        norm: str = "none",
        activation: str = "relu",
        dropout: float = 0.0,
        residual: bool = False,
        kind: str = "auto",
        pool: str = "flatten",
        block: str = "conv",
        max_z_layers: int = 200,
        max_parameters: int = 50_000_000,
    ) -> None:
        super().__init__()
        at_least("num_classes", num_classes, 1)
        at_least("z_layers", z_layers, 0)
        at_most("z_layers", z_layers, max_z_layers, "max_z_layers")
        settings = _settings(block, norm, activation, dropout, residual)
        made_of = BLOCKS[block]
        plan = plan_network(
            input_shape, z_layers, width, growth, kernel_size, stride, padding, kind, pool,
            made_of.multiple,
        )  # fmt: skip
        _check_positions(block, plan)
        count = _parameters(plan, made_of, settings, num_classes)
        at_most("the estimated number of parameters", count, max_parameters, "max_parameters")
        self.activations = _activations(plan, made_of, settings)
        """About how many numbers per sample the backward pass needs."""
        self.widest = plan.widest()
        self.warning = short_sight(plan, made_of.convolutions)
        self.flat_input, self.mean_pool = plan.kind == "dense", plan.mean_pool
        self.layers = nn.Sequential(*(made_of(layer, settings) for layer in plan.layers))
        self.head = nn.Linear(plan.features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        a = self.layers(x.flatten(1) if self.flat_input else x)
        return self.head(a.flatten(2).mean(2) if self.mean_pool else a.flatten(1))


def _settings(
    block: str, norm: str, activation: str, dropout: float, residual: bool
) -> BlockSettings:
    known("block", block, BLOCKS)
    known("norm", norm, NORMS)
    known("activation", activation, ACTIVATIONS)
    below_one("dropout", dropout, zero=True)
    if residual and block != "conv":
        raise ValueError(
            f"residual adds the input of a conv block to its output, received block={block} and "
            "residual=True; leave residual=False, or set block=conv."
        )
    return BlockSettings(norm, activation, dropout, residual)


def _parameters(
    plan: NetworkPlan, block: type[Block], settings: BlockSettings, num_classes: int
) -> int:
    head = (plan.features + 1) * num_classes
    return head + sum(block.count_parameters(layer, settings) for layer in plan.layers)


def _activations(plan: NetworkPlan, block: type[Block], settings: BlockSettings) -> int:
    first = math.prod(plan.layers[0].in_shape) if plan.layers else 0
    return first + sum(block.count_activations(layer, settings) for layer in plan.layers)


def _check_positions(block: str, plan: NetworkPlan) -> None:
    """A vector has no positions to read one after the other or to attend to."""
    if plan.kind == "dense" and BLOCKS[block].needs_positions:
        flat = [name for name, kind in BLOCKS.items() if not kind.needs_positions]
        raise ValueError(
            f"block={block} needs positions, those of a signal or image, received vectors (or "
            f"kind=dense, which makes such); use block={' or '.join(flat)}."
        )
