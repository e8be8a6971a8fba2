"""Which settings of callbacks a resumed run takes from its command."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason

from zmodel.callbacks.checkpoint import BestAndLast
from zmodel.compat.lightning import set_max_steps


class ResumedCallbacks(Callback):
    """Lets the configured settings of callbacks win over those that a checkpoint restores.

    What a callback has counted and seen is kept, and judged by the configured settings: a run that
    was stopped early and still would be stays finished, another one goes on.

    Args:
        settings: callbacks and the names of their configured arguments.
    """

    def __init__(self, settings: Iterable[tuple[Callback, Collection[str]]]) -> None:
        self.settings = [*settings]
        self._kept: list[tuple[Callback, str, Any]] = []
        self._max_steps: int | None = None

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Before any callback is restored."""
        self._kept = [
            (callback, name, getattr(callback, name))
            for callback, names in self.settings
            for name in names
            if hasattr(callback, name)
        ]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After all are restored, before the loop is."""
        self._max_steps = set_max_steps(trainer, -1)
        for callback, name, value in self._kept:
            setattr(callback, name, value)
        for stopping in trainer.early_stopping_callbacks:
            if stopping.stopping_reason is EarlyStoppingReason.NOT_STOPPED:
                continue
            if would_stop(stopping, last_value(trainer, stopping.monitor)):
                trainer.should_stop = True
            else:
                stopping.stopped_epoch = 0
                stopping.stopping_reason = EarlyStoppingReason.NOT_STOPPED
                stopping.stopping_reason_message = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After the loop is restored."""
        if self._max_steps is not None:
            set_max_steps(trainer, self._max_steps)
            self._max_steps = None

    on_fit_end = on_train_start  # of a run that was finished and did not start


def last_value(trainer: Trainer, metric: str) -> float | None:
    """Of a metric when the checkpoint was written, if our checkpoint callback wrote it."""
    kept = (c.metrics for c in trainer.checkpoint_callbacks if isinstance(c, BestAndLast))
    return next((metrics[metric] for metrics in kept if metric in metrics), None)


def would_stop(stopping: EarlyStopping, value: float | None) -> bool:
    """Whether early stopping that has fired would do so with its present settings."""
    if 0 < stopping.wait_count >= stopping.patience:
        return True
    if stopping.stopping_reason is EarlyStoppingReason.PATIENCE_EXHAUSTED:
        return False
    if value is None:
        return True
    if not math.isfinite(value):
        return stopping.check_finite
    now = torch.tensor(value)
    reached, diverged = stopping.stopping_threshold, stopping.divergence_threshold
    return (reached is not None and bool(stopping.monitor_op(now, reached))) or (
        diverged is not None and bool(stopping.monitor_op(-now, -diverged))
    )
