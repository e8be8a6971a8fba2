"""ZNet: z-layers and a linear classifier, in plain torch.

Shapes: N samples, C channels (or units), F features, L length, H height, W width, K classes.
    vectors (N, F)        -> linear z-layers          -> logits (N, K)
    signals (N, C, L)     -> 1-D convolution z-layers -> logits (N, K)
    images  (N, C, H, W)  -> 2-D convolution z-layers -> logits (N, K)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import EllipsisType

from torch import Tensor, nn

from zmodel.core.arguments import at_least, at_most, below_one, known
from zmodel.model.dropout import Dropout
from zmodel.model.layer_plan import LayerPlan, plan_network

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


class ZLayer(nn.Module):
    """a -> dropout(activation(norm(z))), z = W * a + b; with `residual`, a is added to it.

    `layer` norm is over the units of a vector, over channels and positions of a signal or image
    (group norm with one group). The residual is a itself, or where the shapes differ a 1x1
    projection (without bias) of it, at the same positions that the strided W sees as centres.
    """

    def __init__(
        self,
        plan: LayerPlan,
        norm: str = "none",
        activation: str = "relu",
        dropout: float = 0.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        axes, c_out = len(plan.stride), plan.out_shape[0]
        self.z = _linear(plan, plan.kernel, plan.padding, bias=True)
        self.norm: nn.Module = nn.Identity()
        if norm == "batch":
            self.norm = BATCH_NORM[axes](c_out)
        elif norm == "layer":
            self.norm = nn.GroupNorm(1, c_out) if axes else nn.LayerNorm(c_out)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = Dropout(dropout) if dropout else nn.Identity()
        self.residual = residual
        self.projection: nn.Module = nn.Identity()
        self.crop: tuple[slice | EllipsisType, ...] = ()
        if residual and plan.in_shape != plan.out_shape:
            self.projection = _linear(plan, 1, (0,) * axes, bias=False)
            edges = [(plan.kernel - 1) // 2 - padding for padding in plan.padding]
            if any(edges):
                lengths = zip(edges, plan.in_shape[1:], strict=True)
                self.crop = (..., *(slice(edge, length - edge) for edge, length in lengths))

    def forward(self, a: Tensor) -> Tensor:
        out = self.dropout(self.activation(self.norm(self.z(a))))
        if not self.residual:
            return out
        return out + self.projection(a[self.crop] if self.crop else a)


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
    width         channels of the first z-layer; the i-th has round(width * growth**i), least 1
    kernel_size   odd; one for all or a list per z-layer, whose last entry is repeated
    stride        of every z-layer; a length of 1 stays 1, so any depth fits any input
    padding       null: (kernel - 1) / 2; a smaller number is kept while the kernel still fits
    norm          none, batch or layer
    dropout       probability per activation, in [0, 1)
    residual      add the input of a z-layer to its output, projected where shapes differ
    kind          auto (by the shape), conv1d, conv2d, or dense, which flattens any input
    pool          what the classifier sees: flatten (all positions) or mean (over positions)
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
        max_z_layers: int = 200,
        max_parameters: int = 50_000_000,
    ) -> None:
        super().__init__()
        at_least("num_classes", num_classes, 1)
        at_least("z_layers", z_layers, 0)
        at_most("z_layers", z_layers, max_z_layers, "max_z_layers")
        _check_layers(norm, activation, dropout)
        plan = plan_network(
            input_shape, z_layers, width, growth, kernel_size, stride, padding, kind, pool
        )
        count = plan.parameters(num_classes, norm != "none", residual)
        at_most("the estimated number of parameters", count, max_parameters, "max_parameters")
        self.activations = plan.activations(norm != "none", dropout > 0, residual)
        """About how many numbers per sample the backward pass needs."""
        self.widest = plan.widest()
        self.flat_input = plan.kind == "dense"
        self.mean_pool = pool == "mean" and not self.flat_input
        self.layers = nn.Sequential(
            *(ZLayer(layer, norm, activation, dropout, residual) for layer in plan.layers)
        )
        self.head = nn.Linear(plan.features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        a = self.layers(x.flatten(1) if self.flat_input else x)
        return self.head(a.flatten(2).mean(2) if self.mean_pool else a.flatten(1))


def _check_layers(norm: str, activation: str, dropout: float) -> None:
    known("norm", norm, NORMS)
    known("activation", activation, ACTIVATIONS)
    below_one("dropout", dropout, zero=True)


def _linear(plan: LayerPlan, kernel: int, padding: tuple[int, ...], bias: bool) -> nn.Module:
    """W of a layer: a linear map for vectors, a convolution for signals and images."""
    c_in, c_out = plan.in_shape[0], plan.out_shape[0]
    if not plan.stride:
        return nn.Linear(c_in, c_out, bias=bias)
    convolution = CONVOLUTION[len(plan.stride)]
    return convolution(c_in, c_out, kernel, plan.stride, padding, bias=bias)
