"""What is trained: the configuration of each network, what all share, and the samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Config:
    """One network of a table."""

    z_layers: int
    width: int
    lr: float
    weight_decay: float
    dropout: float
    batch_size: int
    max_shift: int
    seed: int


@dataclass(frozen=True)
class Recipe:
    """What all networks of a table share; a `kernels` entry per z-layer, the last repeated.

    `schedule`: constant, onecycle, or cooldown, which ends each network by its own curve.
    """

    activation: str = "relu"
    batch_norm: bool = False
    decoupled: bool = False
    """Weight decay as in AdamW; else as in Adam."""
    label_smoothing: float = 0.0
    kernels: tuple[int, ...] = (5, 3, 3)
    dense: bool = False
    schedule: str = "cooldown"
    epochs: int = 80
    patience: int = 8
    patience_steps: int = 200
    cooldown: float = 0.25


@dataclass(frozen=True)
class Data:
    """Normalised samples, channels last: x (N, S..., C), y (N,)."""

    x: dict[str, Tensor]
    y: dict[str, Tensor]
    classes: int

    def to(self, device: torch.device) -> Data:
        move = {name: {k: t.to(device) for k, t in getattr(self, name).items()} for name in "xy"}
        return Data(move["x"], move["y"], self.classes)
