"""A LightningModule in the way of the template, and a network whose depth is one number."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torchmetrics import MaxMetric
from torchmetrics.classification import MulticlassAccuracy


class DenseNet(nn.Sequential):
    """`depth` hidden layers of `width` units; 0 is logistic regression."""

    def __init__(self, inputs: int = 64, width: int = 32, depth: int = 2, classes: int = 10):
        sizes = [inputs] + [width] * depth
        hidden = [
            layer
            for before, after in zip(sizes, sizes[1:], strict=False)
            for layer in (nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU())
        ]
        super().__init__(*hidden, nn.Linear(sizes[-1], classes))


class DigitsLitModule(LightningModule):
    """Classification with Adam; logs loss and accuracy of each part."""

    def __init__(self, net: nn.Module, optimizer: Any, classes: int = 10) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False, ignore=["net", "optimizer"])
        self.net, self.optimizer = net, optimizer
        self.criterion = nn.CrossEntropyLoss()
        self.accuracy = nn.ModuleDict(
            {
                f"{part}_acc": MulticlassAccuracy(classes, average="micro")
                for part in ("train", "val", "test")
            }
        )
        self.val_acc_best = MaxMetric()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def _step(self, batch: list[Tensor], part: str) -> Tensor:
        x, y = batch
        logits = self(x)
        loss = self.criterion(logits, y)
        accuracy = self.accuracy[f"{part}_acc"]
        accuracy(logits, y)
        self.log(f"{part}/loss", loss, on_step=False, on_epoch=True)
        self.log(f"{part}/acc", accuracy, on_step=False, on_epoch=True)
        return loss

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self._step(batch, "val")

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self.accuracy["val_acc"].compute())
        self.log("val/acc_best", self.val_acc_best.compute())

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self._step(batch, "test")

    def predict_step(self, batch: Any, batch_idx: int) -> Tensor:
        x = batch[0] if isinstance(batch, list | tuple) else batch
        return torch.softmax(self(x), dim=1)

    def configure_optimizers(self) -> Any:
        return self.optimizer(params=self.parameters())
