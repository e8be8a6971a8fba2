"""What zmodel knows nothing of: masks as targets, two optimizers, a data module of one's own."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


class Masks(pl.LightningDataModule):
    """Images (1, 8, 8) with noise; the mask (8, 8) is where they are bright."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self.batch_size = batch_size

    def loader(self, seed: int, shuffle: bool = False) -> DataLoader[Any]:
        generator = torch.Generator().manual_seed(seed)
        clean = torch.randn(64, 1, 8, 8, generator=generator)
        noisy = clean + 0.1 * torch.randn(64, 1, 8, 8, generator=generator)
        return DataLoader(TensorDataset(noisy, (clean[:, 0] > 0).long()), self.batch_size, shuffle)

    def train_dataloader(self) -> DataLoader[Any]:
        return self.loader(0, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.loader(1)

    def test_dataloader(self) -> DataLoader[Any]:
        return self.loader(2)


class Segments(pl.LightningModule):
    """Manual optimization of body and head apart; the dice score is logged at the end of epochs."""

    def __init__(self, width: int, lr: float) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.lr = lr
        self.body, self.head = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 2, 1)
        self.hits = self.total = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).relu())

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        x, y = batch
        both = self.optimizers()
        for optimizer in both:
            optimizer.zero_grad()
        loss = F.cross_entropy(self(x), y)
        self.manual_backward(loss)
        for optimizer in both:
            optimizer.step()
        self.log("train/loss", loss, on_step=False, on_epoch=True)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        found = self(batch[0]).argmax(1)
        self.hits += 2 * float((found & batch[1]).sum())
        self.total += float((found + batch[1]).sum())

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        self.tell("val")

    def on_test_epoch_end(self) -> None:
        self.tell("test")

    def tell(self, split: str) -> None:
        self.log(f"{split}/dice", self.hits / max(1.0, self.total))
        self.hits = self.total = 0.0

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.Adam(part.parameters(), lr=self.lr) for part in (self.body, self.head)]
