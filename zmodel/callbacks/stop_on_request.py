"""Ends a run after an epoch on a signal or a pause.

A run that was at its end anyway is complete.
"""

from __future__ import annotations

import signal
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from zmodel.callbacks.processes import in_any_process
from zmodel.core.interrupt import Interrupted, Paused, stop
from zmodel.core.running_trial import pauses_after


class StopOnRequest(Callback):
    """Ends a run between two epochs, when a signal asked for it or the trial pauses.

    It raises ``Interrupted`` where another epoch would begin after a signal, and ``Paused`` where
    the running trial pauses. So Lightning's loop decides whether the run was at its end, whatever
    would have ended it: epochs, steps, time, early stopping.

    Args:
        checkpoint: what the checkpoint callback writes at the end of the epoch that was running.
    """

    def __init__(self, checkpoint: Path | None) -> None:
        self.checkpoint = checkpoint
        self._asked = False
        self._pauses = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        stop.listen()  # Lightning put its own handlers in place at the start of fit
        # a worker may have died between the checkpoint and the note that the trial is paused
        self._pauses = in_any_process(trainer, pauses_after(trainer.current_epoch))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._pauses = in_any_process(trainer, pauses_after(trainer.current_epoch + 1))
        self._asked = in_any_process(trainer, stop.signum is not None)
        if self._asked:
            stop.request(stop.signum or signal.SIGTERM)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._pauses:
            raise Paused
        if self._asked:
            assert stop.signum is not None
            raise Interrupted(stop.signum, str(self.checkpoint) if self.checkpoint else None)
