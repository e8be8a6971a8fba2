"""Ends a fit when a signal asks for it, and tells whether it was at its end anyway."""

from __future__ import annotations

import signal
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from zmodel.callbacks.processes import in_any_process
from zmodel.core.interrupt import Interrupted, stop


class StopOnRequest(Callback):
    """Raises ``Interrupted`` where another epoch would begin after a signal asked to stop.

    Whether the run was at its end is so decided by Lightning's loop, whatever would have ended it:
    epochs, steps, time, early stopping.

    Args:
        checkpoint: what the checkpoint callback writes at the end of the epoch that was running.
    """

    def __init__(self, checkpoint: Path | None) -> None:
        self.checkpoint = checkpoint
        self._asked = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        stop.listen()  # Lightning put its own handlers in place at the start of fit

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._asked = in_any_process(trainer, stop.signum is not None)
        if self._asked:
            stop.request(stop.signum or signal.SIGTERM)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._asked:
            assert stop.signum is not None
            raise Interrupted(stop.signum, str(self.checkpoint) if self.checkpoint else None)
