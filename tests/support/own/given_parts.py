"""A module in the template's way: network and optimizer are given, and kept as hyperparameters."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GivenParts(pl.LightningModule):
    def __init__(self, net: nn.Module, optimizer: Any, width: int = 3) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.net = net

    def loss(self, batch: Any) -> Tensor:
        return F.cross_entropy(self.net(batch[0].flatten(1)), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val/loss", self.loss(batch), batch_size=len(batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.hparams.optimizer(params=self.trainer.model.parameters())  # type: ignore
