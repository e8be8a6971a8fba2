"""Base of callbacks that follow one logged metric."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint


class Monitor(Checkpoint, ABC):
    """Calls :meth:`observe` with each new value of the metric ``monitor`` during a fit.

    That is after each validation, or, for a metric that only training logs, after each epoch.
    A ``Checkpoint``, for only these are called when the module has logged what it logs at the end
    of an epoch.
    """

    KEY: ClassVar[str]
    """Where the configuration names the metric."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self._validated = False
        self._of_training = False

    @abstractmethod
    def observe(self, trainer: Trainer, pl_module: LightningModule, value: float) -> None:
        """The metric has this value now."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        metrics = trainer.callback_metrics  # Lightning computes it anew on every access
        if not self._validated:
            self._validated = True
            self._of_training |= self.monitor not in metrics
        if not self._of_training:
            self.observe(trainer, pl_module, float(metrics[self.monitor]))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = trainer.callback_metrics if self._of_training or not self._validated else {}
        if not self._validated:
            self._of_training |= self.monitor in metrics
        if not self._of_training:
            return
        if self.monitor not in metrics:
            logged = ", ".join(sorted(metrics)) or "none"
            raise ValueError(
                f"{self.KEY} must name a logged metric, got '{self.monitor}'. Logged metrics: "
                f"{logged}."
            )
        self.observe(trainer, pl_module, float(metrics[self.monitor]))


def logged(trainer: Trainer) -> dict[str, float]:
    """The last value of every metric."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
