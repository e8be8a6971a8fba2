"""The pre-activations of one z-layer of several networks, whose channels lie side by side.

Shapes: B batch, P positions in, Q positions out (none for vectors, an axis for signals, two for
images), C_k and D_k channels of network k in and out, T taps of the kernel.
    a (B, *P, C_1 + C_2 + ...) -> z (B, *Q, D_1 + D_2 + ...)
Channels come last: a window of the signal is then a row of a matrix, and one matrix product per
network is all that cannot be shared. Widths may differ without a wasted multiplication.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Geometry:
    """What the networks of one layer must have in common: sizes along each position axis."""

    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()

    @staticmethod
    def of(z: nn.Module) -> Geometry:
        """Of a linear map or a convolution."""
        if isinstance(z, nn.Linear):
            return Geometry()
        assert isinstance(z, nn.Conv1d | nn.Conv2d)
        return Geometry(z.kernel_size, z.stride, z.padding)  # type: ignore[arg-type]

    def pad(self, a: Tensor) -> Tensor:
        """Zeros around the positions; the channels stay."""
        if not any(self.padding):
            return a
        return F.pad(a, (0, 0, *(p for size in reversed(self.padding) for p in (size, size))))

    def windows(self, padded: Tensor, channels: slice) -> Tensor:
        """(B, *Q, *kernel, C_k): what each output position sees of these channels; a view."""
        per_axis = zip(padded.shape[1:-1], self.kernel, self.stride, strict=True)
        out = [(length - kernel) // stride + 1 for length, kernel, stride in per_axis]
        batch, *steps, one = padded.stride()
        jumps = [step * stride for step, stride in zip(steps, self.stride, strict=True)]
        return padded.as_strided(
            (len(padded), *out, *self.kernel, channels.stop - channels.start),
            (batch, *jumps, *steps, one),
            padded.storage_offset() + channels.start,
        )

    def add_windows(self, padded: Tensor, windows: Tensor, channels: slice) -> None:
        """The adjoint of `windows`, for (B, *Q, T, C_k): they are added to these channels."""
        out = windows.shape[1:-2]
        for i, offsets in enumerate(itertools.product(*map(range, self.kernel))):
            axes = zip(offsets, self.stride, out, strict=True)
            where = [slice(o, o + (n - 1) * stride + 1, stride) for o, stride, n in axes]
            padded[(slice(None), *where, channels)] += windows[..., i, :]


class SideBySide(torch.autograd.Function):
    """``apply(a, bias, geometry, *weights)``; weights as torch's layers have them, bias joined."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, a: Tensor, bias: Tensor, geometry: Geometry, *weights: Tensor
    ) -> Tensor:
        padded = geometry.pad(a)
        ins, outs = spans(w.shape[1] for w in weights), spans(w.shape[0] for w in weights)
        seen = [geometry.windows(padded, c) for c in ins]
        out = seen[0].shape[: a.dim() - 1]
        z = a.new_empty(out.numel(), len(bias))
        rows = [view.reshape(len(z), -1) for view in seen]
        for weight, row, d in zip(weights, rows, outs, strict=True):
            torch.addmm(bias[d], row, matrix(weight).t(), out=z[:, d])
        ctx.geometry, ctx.shapes = geometry, (a.shape, padded.shape, out)
        ctx.save_for_backward(*weights, *rows)
        return z.view(*out, -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        saved = ctx.saved_tensors
        weights, rows = saved[: len(saved) // 2], saved[len(saved) // 2 :]
        ins, outs = spans(w.shape[1] for w in weights), spans(w.shape[0] for w in weights)
        grad = grad.reshape(-1, grad.shape[-1])
        grads = [
            (grad[:, d].t() @ row).view(weight.shape[0], *weight.shape[2:], -1).movedim(-1, 1)
            for weight, row, d in zip(weights, rows, outs, strict=True)
        ]
        grad_a = None
        if ctx.needs_input_grad[0]:
            shape, padded_shape, out = ctx.shapes
            padded = grad.new_zeros(padded_shape)
            for weight, c, d in zip(weights, ins, outs, strict=True):
                taps = (grad[:, d] @ matrix(weight)).view(*out, -1, weight.shape[1])
                ctx.geometry.add_windows(padded, taps, c)
            edges = zip(ctx.geometry.padding, shape[1:-1], strict=True)
            grad_a = padded[(slice(None), *(slice(p, p + length) for p, length in edges))]
        return grad_a, grad.sum(0), None, *grads


def spans(sizes: Iterable[int]) -> list[slice]:
    """Which of the joined channels belong to each."""
    ends = list(itertools.accumulate(sizes))
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def matrix(weight: Tensor) -> Tensor:
    """(D, C, *kernel) as (D, T * C), the order of a row of windows."""
    return weight.movedim(1, -1).reshape(len(weight), -1)
