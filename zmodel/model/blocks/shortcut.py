"""The way past the weights of a z-layer: its input, in the shape of its output.

It is the input itself, or where the shapes differ a projection of it by a kernel of 1 (without
bias), at the same positions that the strided windows of the layer see as their centres.
"""

from __future__ import annotations

from dataclasses import replace
from types import EllipsisType

from torch import nn

from zmodel.model.blocks.block import affine
from zmodel.model.layer_plan import LayerPlan


def projection(plan: LayerPlan) -> nn.Module:
    if plan.in_shape == plan.out_shape:
        return nn.Identity()
    return affine(replace(plan, kernel=1, padding=(0,) * len(plan.padding)), bias=False)


def centres(plan: LayerPlan) -> tuple[slice | EllipsisType, ...]:
    """The index of what is projected; empty where that is all of the input."""
    edges = [(plan.kernel - 1) // 2 - padding for padding in plan.padding]
    if plan.in_shape == plan.out_shape or not any(edges):
        return ()
    lengths = zip(edges, plan.in_shape[1:], strict=True)
    return (..., *(slice(edge, length - edge) for edge, length in lengths))


def count_parameters(plan: LayerPlan) -> int:
    return plan.in_shape[0] * plan.out_shape[0] if plan.in_shape != plan.out_shape else 0
