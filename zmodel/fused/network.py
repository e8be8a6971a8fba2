"""The training pass of several ZNets at once.

Shapes: B batch, P positions in, Q positions out, C channels of all networks together, K classes.
Channels come last, those of the networks side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zmodel.dropout import random_16, threshold
from zmodel.fused.product import Geometry, SideBySide, spans
from zmodel.znet import ZLayer, ZNet


class Ensemble:
    """Networks of any widths and depths, the deeper first; a layer is computed for all that have
    it. Whoever puts them together sees to it that their layers have one geometry, normalisation
    and activation.

    ``generators`` draw the dropout masks of each network as it alone would draw them. After the
    last step :meth:`finish` gives each network its running statistics.
    """

    def __init__(self, nets: Sequence[ZNet], generators: Sequence[torch.Generator]) -> None:
        depths = [len(net.layers) for net in nets]
        assert depths == sorted(depths, reverse=True)
        self.nets = nets
        self.layers = [
            Layer([net.layers[i] for net in nets if len(net.layers) > i], generators)  # type: ignore[misc]
            for i in range(depths[0])
        ]

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """From a batch for each network, as it alone gets it, to the logits (B, K) of each."""
        if self.nets[0].flat_input:
            inputs = [x.flatten(1) for x in inputs]
        a = torch.cat([x.movedim(1, -1) for x in inputs], -1)
        sizes, logits = [x.shape[1] for x in inputs], list[Tensor]()
        for layer in self.layers:
            going_on = len(layer.parts)
            if going_on < len(sizes):
                a, *ends = a.split([sum(sizes[:going_on]), *sizes[going_on:]], -1)
                logits = [*map(head, self.nets[going_on:], ends), *logits]
            a, sizes = layer(a, sizes[:going_on]), layer.sizes
        return [*map(head, self.nets, a.split(sizes, -1)), *logits]

    def finish(self) -> None:
        for layer in self.layers:
            layer.finish()


def head(net: ZNet, a: Tensor) -> Tensor:
    """Logits of one network from its own channels (B, *P, C) of the last z-layer.

    Not the channels but the few weights are brought into the order of the other.
    """
    weight, bias = net.head.weight, net.head.bias
    if net.mean_pool:
        return F.linear(a.flatten(1, -2).mean(1), weight, bias)
    weight = weight.unflatten(1, (a.shape[-1], -1)).transpose(1, 2).flatten(1)
    return F.linear(a.flatten(1), weight, bias)


class Layer:
    """One z-layer of several networks; see :class:`zmodel.znet.ZLayer` for what it computes."""

    def __init__(self, parts: Sequence[ZLayer], generators: Sequence[torch.Generator]) -> None:
        self.parts, self.generators = parts, generators[: len(parts)]
        self.geometry = Geometry.of(parts[0].z)
        self.sizes: list[int] = [len(part.z.weight) for part in parts]  # type: ignore[arg-type]
        self.channels = spans(self.sizes)
        self.rates = [getattr(part.dropout, "p", 0.0) for part in parts]
        self.batch_norm = hasattr(parts[0].norm, "running_mean")
        self.steps = 0
        if self.batch_norm:
            self.mean = self._joined("norm", "running_mean")
            self.var = self._joined("norm", "running_var")

    def _joined(self, module: str, name: str) -> Tensor:
        return torch.cat([getattr(getattr(part, module), name) for part in self.parts])

    def __call__(self, a: Tensor, sizes: Sequence[int]) -> Tensor:
        """(B, *P, C) to (B, *Q, C)."""
        self.steps += 1
        weights = (part.z.weight for part in self.parts)
        z = SideBySide.apply(a, self._joined("z", "bias"), self.geometry, *weights)
        out = self._dropped(self.parts[0].activation(self._normalised(z)))
        return out + self._shortcut(a, sizes) if self.parts[0].residual else out

    def _normalised(self, z: Tensor) -> Tensor:
        norm = self.parts[0].norm
        if isinstance(norm, nn.Identity):
            return z
        weight, bias = self._joined("norm", "weight"), self._joined("norm", "bias")
        eps: float = norm.eps  # type: ignore[assignment]
        if self.batch_norm:
            flat, momentum = z.flatten(0, -2), 0.1
            assert norm.momentum == momentum
            return F.batch_norm(
                flat, self.mean, self.var, weight, bias, True, momentum, eps
            ).view_as(z)
        own = [F.layer_norm(x, x.shape[1:], eps=eps) for x in z.split(self.sizes, -1)]
        return torch.cat(own, -1) * weight + bias

    def _dropped(self, a: Tensor) -> Tensor:
        """Each network's mask is drawn in the shape (B, C_k, *Q) that it has alone."""
        if not any(self.rates):
            return a
        mask, scales = torch.empty_like(a, requires_grad=False), []
        for rate, c, generator in zip(self.rates, self.channels, self.generators, strict=True):
            below, scale = threshold(rate)
            if rate:
                drawn = random_16((len(a), c.stop - c.start, *a.shape[1:-1]), generator)
                torch.lt(drawn.movedim(1, -1), below, out=mask[..., c])
            else:
                mask[..., c], scale = 1.0, 1.0
            scales += [scale] * (c.stop - c.start)
        return a * mask.mul_(a.new_tensor(scales))

    def _shortcut(self, a: Tensor, sizes: Sequence[int]) -> Tensor:
        return torch.cat([*map(shortcut, self.parts, a.split(list(sizes), -1))], -1)

    def finish(self) -> None:
        if not self.batch_norm:
            return
        for part, c in zip(self.parts, self.channels, strict=True):
            norm = part.norm
            norm.running_mean.copy_(self.mean[c])  # type: ignore[operator, union-attr]
            norm.running_var.copy_(self.var[c])  # type: ignore[operator, union-attr]
            norm.num_batches_tracked += self.steps  # type: ignore[operator, assignment]


def shortcut(part: ZLayer, a: Tensor) -> Tensor:
    """The residual of one network: a (B, *P, C_k), or its projection at the centres of W."""
    if isinstance(part.projection, nn.Identity):
        return a
    strides = getattr(part.projection, "stride", ())
    edges = part.crop[1:] or [slice(None)] * len(strides)
    centres = [slice(e.start, e.stop, s) for e, s in zip(edges, strides, strict=True)]  # type: ignore[union-attr]
    return F.linear(a[(slice(None), *centres)], part.projection.weight.flatten(1))  # type: ignore[operator]
