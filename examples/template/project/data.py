"""Handwritten digits in the way of the template: loaders, workers, a split of its own."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningDataModule
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class DigitsDataModule(LightningDataModule):
    """Images of 8 x 8 pixels in ten classes; shipped with scikit-learn."""

    def __init__(
        self, batch_size: int = 64, num_workers: int = 0, pin_memory: bool = False
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.parts: list[Dataset] = []

    def setup(self, stage: str | None = None) -> None:
        if not self.parts:
            digits = load_digits()
            samples = torch.tensor(digits.data, dtype=torch.float32) / 16
            dataset = TensorDataset(samples, torch.tensor(digits.target))
            split = torch.Generator().manual_seed(42)
            self.parts = list(random_split(dataset, [0.6, 0.2, 0.2], generator=split))

    def _loader(self, part: int, shuffle: bool = False) -> DataLoader:
        return DataLoader(
            self.parts[part],
            batch_size=self.hparams["batch_size"],
            num_workers=self.hparams["num_workers"],
            pin_memory=self.hparams["pin_memory"],
            shuffle=shuffle,
        )

    def train_dataloader(self) -> DataLoader:
        return self._loader(0, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(1)

    def test_dataloader(self) -> DataLoader:
        return self._loader(2)
