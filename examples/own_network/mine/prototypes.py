"""A LightningModule of one's own: another loss, another way to decide."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Batch = tuple[Tensor, Tensor]


class Prototypes(pl.LightningModule):
    """The class whose learned prototype is nearest to the embedded sample.

    After Snell, Swersky & Zemel (NeurIPS 2017), with prototypes that are parameters.

    What zmodel asks of a LightningModule: it takes its network's shape from the data module in
    ``setup``, and logs the metric that ``optimized_metric`` and the callbacks name.
    """

    def __init__(self, z_layers: int, width: int, dimensions: int, lr: float) -> None:
        super().__init__()
        self.z_layers, self.width, self.dimensions, self.lr = z_layers, width, dimensions, lr
        self.best = 0.0

    def setup(self, stage: str) -> None:
        data = self.trainer.datamodule
        if hasattr(self, "embed"):  # setup is called again before the test
            return
        layers: list[nn.Module] = [nn.Flatten()]
        size = torch.Size(data.input_shape).numel()
        for _ in range(self.z_layers):
            layers += [nn.Linear(size, self.width), nn.ReLU()]
            size = self.width
        self.embed = nn.Sequential(*layers, nn.Linear(size, self.dimensions))
        self.prototypes = nn.Parameter(torch.randn(data.num_classes, self.dimensions))

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) to logits (B, classes): minus squared distances."""
        return -torch.cdist(self.embed(x), self.prototypes).square()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        x, y = batch
        loss = F.cross_entropy(self(x), y)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(y))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluate("test", batch)

    def evaluate(self, split: str, batch: Batch) -> None:
        x, y = batch
        logits = self(x)
        values = {
            "loss": F.cross_entropy(logits, y),
            "acc": (logits.argmax(-1) == y).float().mean(),
        }
        self.log_dict({f"{split}/{k}": v for k, v in values.items()}, batch_size=len(y))

    def on_validation_epoch_end(self) -> None:
        self.best = max(self.best, float(self.trainer.callback_metrics["val/acc"]))
        self.log("val/acc_best", self.best)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)
