"""Tells the running trial its metric per epoch."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from zmodel.callbacks.every_process import anywhere, metric
from zmodel.core.running_trial import RunningTrial, running_trial


class StudyReport(Callback):
    """Tells the running trial its metric per epoch, and ends it when the study's pruner says so.

    Reported also when no pruner is set: the audits replay these curves. Outside a study: silent.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        trial = running_trial()  # of the first process only
        if trial is not None:
            self._report(trainer, trial)
        if anywhere(trainer, trial is not None and trial.pruned):
            trainer.should_stop = True

    def _report(self, trainer: Trainer, trial: RunningTrial) -> None:
        value = metric(trainer, self.monitor, "callbacks.study_report.monitor")
        trial.report(trainer.current_epoch, value)
        trial.pruned = trial.should_prune()
