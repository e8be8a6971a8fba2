"""Shapes and size of a ZNet, computed before anything is built.

A plan is integers only: a study can refuse an absurd network without allocating it.
Shapes leave the batch out: (features,), (channels, length) or (channels, height, width).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zmodel.core.arguments import at_least, known, whole_numbers

KINDS = {"dense": 1, "conv1d": 2, "conv2d": 3}  # kind -> dimensions of the shape it works on

LONG = {1: 256, 2: 64}
"""Axes of positions -> the longest axis that `pool=auto` flattens."""


@dataclass(frozen=True)
class LayerPlan:
    """One z-layer: `stride` and `padding` have one entry per position axis, none when dense."""

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    kernel: int
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    @property
    def weights(self) -> int:
        """Numbers in W and b."""
        c_in, c_out = self.in_shape[0], self.out_shape[0]
        return c_in * c_out * self.kernel ** len(self.stride) + c_out


@dataclass(frozen=True)
class NetworkPlan:
    """All z-layers of a network of one `kind`, and the length of the classifier's input."""

    kind: str
    layers: tuple[LayerPlan, ...]
    features: int
    mean_pool: bool
    """Whether the classifier sees means over positions, not every position."""

    def widest(self) -> int:
        """Numbers in the input or output of a layer, the largest of them; per sample."""
        return max(
            (math.prod(s) for la in self.layers for s in (la.in_shape, la.out_shape)), default=0
        )


def plan_network(
    input_shape: Sequence[int],
    z_layers: int,
    width: int,
    growth: float,
    kernel_size: int | Iterable[int],
    stride: int,
    padding: int | None,
    kind: str,
    pool: str,
    multiple: int = 1,
) -> NetworkPlan:
    """Shapes of every layer. Raises ValueError for an argument that cannot describe a network.

    multiple      widths are rounded up to a multiple of it
    """
    at_least("z_layers", z_layers, 0)
    at_least("width", width, 1)
    at_least("stride", stride, 1)
    if padding is not None:
        at_least("padding", padding, 0)
    known("pool", pool, ("auto", "flatten", "mean"))
    kind, shape = _kind_and_shape(whole_numbers("input_shape", input_shape, "[1,28,28]"), kind)
    start, kernels, layers = shape, _kernels(kernel_size), []
    for i in range(z_layers):
        units = -(-_width(width, growth, i) // multiple) * multiple
        layer = _layer(shape, units, kernels[min(i, len(kernels) - 1)], stride, padding)
        layers.append(layer)
        shape = layer.out_shape
    mean = len(shape) > 1 and (pool == "mean" or (pool == "auto" and z_layers > 0 and _long(start)))
    return NetworkPlan(kind, tuple(layers), shape[0] if mean else math.prod(shape), mean)


def _long(shape: tuple[int, ...]) -> bool:
    """Whether samples have so many positions that weights for each would be learned by heart."""
    return max(shape[1:]) > LONG[len(shape) - 1]


def _kind_and_shape(input_shape: tuple[int, ...], kind: str) -> tuple[str, tuple[int, ...]]:
    known("kind", kind, ("auto", *KINDS))
    if not 1 <= len(input_shape) <= 3:
        raise ValueError(
            "input_shape must be (features,), (channels, length) or (channels, height, width), "
            f"received {input_shape}; reshape the data to one of them."
        )
    if kind == "auto":
        kind = next(name for name, dims in KINDS.items() if dims == len(input_shape))
    if kind == "dense":
        return kind, (math.prod(input_shape),)
    if KINDS[kind] != len(input_shape):
        raise ValueError(
            f"kind={kind} works on shapes of {KINDS[kind]} dimensions, received input_shape "
            f"{input_shape}; use kind=auto (by the shape), kind=dense (flattens) or reshape."
        )
    return kind, input_shape


def _kernels(kernel_size: int | Iterable[int]) -> list[int]:
    kernels = list(kernel_size) if isinstance(kernel_size, Iterable) else [kernel_size]
    if not kernels or isinstance(kernel_size, str):
        raise ValueError(
            "kernel_size must be a whole number or a list with one entry per z-layer (the last "
            f"is repeated), received {kernel_size!r}; use for example kernel_size=[5,3,3]."
        )
    for kernel in kernels:
        at_least("kernel_size", kernel, 1)
        if kernel % 2 == 0:
            raise ValueError(
                "kernel_size must be odd, so that a kernel is centred on its position, received "
                f"{kernel}; use {kernel - 1} or {kernel + 1}."
            )
    return kernels


def _width(width: int, growth: float, i: int) -> int:
    if not isinstance(growth, int | float) or isinstance(growth, bool) or not 0 < growth < math.inf:
        raise ValueError(
            f"growth must be a finite number above 0, received {growth!r}; use 1.0 for equal "
            "widths, 2.0 to double them per z-layer."
        )
    try:
        return max(1, round(width * growth**i))
    except OverflowError:
        raise ValueError(
            f"width * growth**i must stay finite, received width={width}, growth={growth} at "
            f"z-layer {i}; lower growth or z_layers."
        ) from None


def _layer(
    shape: tuple[int, ...], width: int, kernel: int, stride: int, padding: int | None
) -> LayerPlan:
    if len(shape) == 1:
        return LayerPlan(shape, (width,), 1, (), ())
    lengths, paddings = [], []
    for length in shape[1:]:
        used = _padding(length, kernel, padding)
        lengths.append((length + 2 * used - kernel) // stride + 1)
        paddings.append(used)
    return LayerPlan(shape, (width, *lengths), kernel, (stride,) * len(lengths), tuple(paddings))


def _padding(length: int, kernel: int, padding: int | None) -> int:
    """(kernel - 1) / 2 turns a length into ceil(length / stride), which never falls below 1. A
    smaller padding is kept while the kernel fits; a larger one would let the length grow."""
    centred = (kernel - 1) // 2
    if padding is None or length + 2 * padding < kernel:
        return centred
    return min(padding, centred)
