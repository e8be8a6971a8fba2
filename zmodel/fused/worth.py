"""Whether a network gains anything from being trained beside others."""

from __future__ import annotations

from torch import nn

from zmodel.data.batches import Batches
from zmodel.znet import ZNet

SMALL = 32_000
"""Numbers of a batch in the widest layer; measured, see docs/fused.md."""


def slower_together(net: ZNet, batches: Batches) -> str | None:
    """Why this network is trained faster by itself, in words; ``None``: it is not.

    On a CPU sharing saves what surrounds the kernels, and pays with copies that convolutions
    alone do without: small layers gain, and so do networks with a norm, whose passes over the
    activations are shared. On other devices all are taken to gain.
    """
    if net.head.weight.device.type != "cpu":
        return None
    if net.flat_input or not net.layers:
        return "dense networks are as fast alone on a CPU"
    normed = not isinstance(net.layers[0].norm, nn.Identity)  # type: ignore[union-attr]
    small = batches.batch_size * net.widest <= SMALL
    if small or (normed and len(net.layers) > 1):
        return None
    return "a network of this size is faster alone on a CPU"
