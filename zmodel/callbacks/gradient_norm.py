"""Logs the norm of the gradient per epoch."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor


class GradientNorm(Callback):
    """Logs ``grad/norm``: the L2 norm over all parameters, averaged over the epoch's steps."""

    def __init__(self) -> None:
        self._norms: list[Tensor] = []

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        grads = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self._norms.append(torch.nn.utils.get_total_norm(grads))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("grad/norm", torch.stack(self._norms).mean())
        self._norms.clear()
