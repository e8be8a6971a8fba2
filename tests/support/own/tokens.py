"""Tokens that tell the next one: batches of samples alone, metrics named valid_ and test_."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

KINDS, LENGTH = 7, 9


class Tokens(pl.LightningDataModule):
    """Sequences (9,) of whole numbers that count on from a random start."""

    def loader(self, seed: int) -> DataLoader[Any]:
        start = torch.randint(KINDS, (40, 1), generator=torch.Generator().manual_seed(seed))
        return DataLoader(list((start + torch.arange(LENGTH)) % KINDS), 20)  # type: ignore[arg-type]

    def train_dataloader(self) -> DataLoader[Any]:
        return self.loader(0)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader(1)

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader(2)


class Next(pl.LightningModule):
    """Logits (N, 9, 7) of the next tokens."""

    def __init__(self, width: int, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Embedding(KINDS, width), nn.Linear(width, KINDS))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def loss(self, batch: Tensor) -> Tensor:
        return F.cross_entropy(self(batch)[:, :-1].flatten(0, 1), batch[:, 1:].flatten())

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("valid_perplexity", self.loss(batch).exp(), batch_size=len(batch))

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        self.log("test_perplexity", self.loss(batch).exp(), batch_size=len(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)
