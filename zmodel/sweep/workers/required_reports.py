"""Whether trials report what their study decides by."""

from __future__ import annotations

from optuna.pruners import NopPruner

from zmodel.sweep.workers.rehearsal import Refused
from zmodel.sweep.workers.session import Session


def require_reports(session: Session, number: int) -> None:
    """A pruner that no trial tells anything would be asked in vain, trial after trial, and a budget
    of epochs would never end.

    Args:
        number: of a trial that is complete.

    Raises:
        Refused: no trial has reported anything.
    """
    slots, pruner = session.slots, session.study.pruner
    prunes = not isinstance(pruner, NopPruner)
    if not prunes and slots.plan is None:
        return
    trials = slots.refresh()
    if prunes and not any(t.intermediate_values for t in trials):
        needs = f"hydra.sweeper.pruner={type(pruner).__name__} compares"
        instead = "hydra/sweeper/pruner=none"
    elif slots.plan is not None and not slots.plan.used(slots.ledger, trials):
        needs = f"hydra.sweeper.epochs={slots.plan.epochs} counts"
        instead = (
            "a budget of trials: hydra/sweeper/stopping=none hydra.sweeper.epochs=null "
            "hydra.sweeper.n_trials=30"
        )
    else:
        return
    raise Refused(
        f"{needs} what trials report while they run, and trial {number} came to its end without a "
        f"report. Call zmodel.report(step, value) after every step, or set {instead}."
    )


def require_every_step(session: Session, number: int) -> None:
    """A stopping rule pauses after steps and compares what trials have reported until then.

    Args:
        number: of a trial that has paused.

    Raises:
        Refused: it has not reported more often than it has not.
    """
    curve = session.slots.trials()[number].intermediate_values
    steps = max(curve, default=-1) + 1
    if 2 * len(curve) <= steps:
        raise Refused(
            "hydra.sweeper.stopping compares what trials report after every step, and trial "
            f"{number} has reported {len(curve)} of its first {steps} steps. Call "
            "zmodel.report(step, value) after every step, or count only steps with a value, or set "
            "hydra/sweeper/stopping=none."
        )
