"""Checks that batch normalisation has more than one value per batch."""

from __future__ import annotations

import copy
from typing import Any

import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn


def check_batch_norm(network: nn.Module, data: Any) -> None:
    """ValueError when the training batches are too small for a network with batch norm.

    One sample is enough where a channel has several positions; a dense layer has one.
    """
    layers = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    if not any(isinstance(module, layers) for module in network.modules()):
        return
    if not hasattr(data, "largest_batches") or data.largest_batches[0] > 1:
        return
    sample = torch.zeros(1, *data.input_shape)
    try:
        with torch.no_grad(), isolate_rng(include_cuda=False):
            copy.deepcopy(network).train()(sample)
    except ValueError as error:
        raise ValueError(
            "data.batch_size must be at least 2 with batch norm, which has no variance of a single "
            "value, got 1. Raise it, or set model.norm=layer."
        ) from error
