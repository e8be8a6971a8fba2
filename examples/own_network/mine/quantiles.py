"""A LightningModule of one's own for measured targets: the median and an 80 % interval."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]
LEVELS = (0.1, 0.5, 0.9)


class Quantiles(pl.LightningModule):
    """Quantile regression (Koenker & Bassett, Econometrica 1978) by a network of z-layers.

    What zmodel asks of it, beside a fit and a test: :meth:`predict_step` takes samples without
    targets. What it gives is kept in the test, compared with the targets, and deployed.
    """

    levels: Tensor

    def __init__(self, z_layers: int, width: int, lr: float) -> None:
        super().__init__()
        self.z_layers, self.width, self.lr = z_layers, width, lr
        self.register_buffer("levels", torch.tensor(LEVELS))

    def setup(self, stage: str) -> None:
        if hasattr(self, "net"):  # setup is called again before the test
            return
        data = self.trainer.datamodule
        size = torch.Size(data.input_shape).numel()
        layers: list[nn.Module] = [nn.Flatten()]
        for _ in range(self.z_layers):
            layers += [nn.Linear(size, self.width), nn.ReLU()]
            size = self.width
        self.net = nn.Sequential(*layers, nn.Linear(size, len(LEVELS)))
        # in units of the target, which this module does not standardise
        self.register_buffer("center", torch.zeros(1))
        self.register_buffer("scale", torch.ones(1))
        if stage == "fit":
            y = data.samples_of("train")[1]
            self.center, self.scale = y.mean(0), y.std(0)

    def forward(self, x: Tensor) -> Tensor:
        """(B, *input_shape) to the quantiles (B, 3)."""
        return self.center + self.scale * self.net(x)

    def predict_step(self, batch: Tensor, batch_idx: int = 0) -> Tensor:
        """(B, *input_shape) to the medians (B, 1)."""
        return self(batch)[:, 1:2]

    def loss(self, batch: Batch) -> Tensor:
        """The pinball loss in deviations of the target: its least is at the quantiles."""
        x, y = batch
        error = (y - self(x)) / self.scale
        return torch.maximum(self.levels * error, (self.levels - 1) * error).mean()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.evaluate("test", batch)

    def evaluate(self, split: str, batch: Batch) -> None:
        low, _, high = self(batch[0]).unbind(1)
        y = batch[1][:, 0]
        values = {"loss": self.loss(batch), "inside": ((low <= y) & (y <= high)).float().mean()}
        self.log_dict({f"{split}/{k}": v for k, v in values.items()}, batch_size=len(y))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)
