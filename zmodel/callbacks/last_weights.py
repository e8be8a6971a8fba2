"""Checkpoint callback of a retraining, which keeps the last weights."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer

from zmodel.callbacks import BestAndLast


class LastWeights(BestAndLast):
    """As its parent, but ``best.ckpt`` holds the weights of the last epoch."""

    def observe(self, trainer: Trainer, pl_module: LightningModule, value: float) -> None:
        self.best_score = None
        super().observe(trainer, pl_module, value)
