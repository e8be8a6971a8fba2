"""Reports the metric of every epoch to the running trial."""

from __future__ import annotations

from pytorch_lightning import LightningModule, Trainer

from zmodel.callbacks.monitor import Monitor
from zmodel.callbacks.processes import in_any_process
from zmodel.core.running_trial import running_trial


class StudyReport(Monitor):
    """Tells the running trial its metric per epoch, and ends it when the study's pruner says so.

    Reported also when no pruner is set: the audits replay these curves. Outside a study: silent.
    """

    KEY = "callbacks.study_report.monitor"

    def observe(self, trainer: Trainer, pl_module: LightningModule, value: float) -> None:
        trial = running_trial()  # of the first process only
        if trial is not None:
            trial.report(trainer.current_epoch, value)
            trial.pruned = trial.should_prune()
        if in_any_process(trainer, trial is not None and trial.pruned):
            trainer.should_stop = True
