"""What the progress of a study says: one function per line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_foreign, is_put_back
from zmodel.study.budget.tally import Tally
from zmodel.study.cells import assignments, short_names
from zmodel.study.plain_text import clock, plain
from zmodel.study.trial_attributes import attr

BAR = 20
DEPTH = "model.z_layers"
ALLOWANCE = "trainer.max_epochs"
OF_RUNS = {"trial", "seed"}
"""What varies in the final stage."""
OVERDUE = 10
"""Times the median duration: a trial that takes longer is told of once."""
LEAST_DURATIONS = 3
LEAST_TYPICAL = 3.0
"""Seconds; shorter trials are not compared by their durations."""
LONGEST_REASON = 200
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class Labels:
    """What the numbers of a study are called.

    Attributes:
        metrics: the objectives.
        curve: what trials report after every step.
        step: what a step is, but for a trial of several folds: it reports after each.
        most: the steps that a trial may take; None: not known.
        noun: what is run: trials, or the final stage's runs of them.
        measured: whether the values mean anything; not where validation samples are trained on.
    """

    metrics: tuple[str, ...] = ("value",)
    curve: str = "value"
    step: str = "step"
    most: int | None = None
    noun: str = "trial"
    measured: bool = True

    @classmethod
    def of(cls, attrs: Mapping[str, Any]) -> Labels:
        """From the attributes of the study."""
        known = attrs.get("optimized_metric")
        if known is None:  # another program's: its values have no names
            return cls()
        names = [known] if isinstance(known, str) else list(known)
        curve, fixed = attrs.get("curve") or {}, attrs.get("fixed") or {}
        most = fixed.get(ALLOWANCE)
        return cls(
            tuple(map(plain, names)),
            plain(curve.get("metric") or names[0]),
            "epoch",
            most if isinstance(most, int) and most > 0 else None,
            "run" if {*(attrs.get("space") or ())} == OF_RUNS else "trial",
            fixed.get("data.train_on_all") is not True,
        )

    def values(self, values: Sequence[float]) -> list[str]:
        """`val/acc_best 0.9937` for every objective."""
        if not self.measured:
            return []
        known = self.metrics if len(self.metrics) == len(values) else ["value"] * len(values)
        return [f"{name} {value:.4f}" for name, value in zip(known, values, strict=True)]


def budget_line(tally: Tally, elapsed: float, begun_at: float, noun: str = "trial") -> list[str]:
    """How much of the budget is used, the time that took, and about how long the rest takes.

    Args:
        elapsed: seconds of this command.
        begun_at: share of the budget that was used when it began.
    """
    filled = int(BAR * tally.used)
    done, total = tally.epochs or (tally.finished, tally.total)
    unit = "epochs" if tally.epochs else f"{noun}s"
    parts = [
        f"[{'#' * filled}{'.' * (BAR - filled)}] {done:,} of {total:,} {unit}",
        f"{clock(elapsed)} elapsed",
    ]
    used = tally.used - begun_at
    if used > 0 and not tally.is_complete:
        parts.append(f"about {clock(elapsed / used * (1 - tally.used))} left")
    return parts


def count_line(tally: Tally, workers: str) -> list[str]:
    """What works on the study, and its trials by state."""
    counts = {
        "running": tally.running,
        "paused": tally.paused,
        "complete": tally.finished - tally.failed - tally.pruned,
        "pruned": tally.pruned,
        "failed": tally.failed,
    }
    return [workers, *(f"{n:,} {state}" for state, n in counts.items() if n)]


def best_line(trial: FrozenTrial, labels: Labels) -> list[str]:
    depth = [f"z_layers={trial.params[DEPTH]}"] if DEPTH in trial.params else []
    return [f"best so far: {labels.values(trial.values)[0]}", *depth, f"trial {trial.number}"]


def worker_line(trial: FrozenTrial, labels: Labels, now: datetime) -> list[str]:
    """What one worker is doing: its trial, depth, epoch, latest metric, and how long it takes."""
    parts = [f"  {labels.noun} {trial.number}"]
    parts += assignments(trial.params) if labels.noun == "run" else []
    parts += [f"z_layers={trial.params[DEPTH]}"] if DEPTH in trial.params else []
    curve = trial.intermediate_values
    if curve:
        step = max(curve)
        folds = attr(trial, "folds")
        own = labels.step == "epoch" and trial.params.get(ALLOWANCE)
        most = folds or own or labels.most
        of = f" of {most}" if most is not None and step < most else ""
        parts.append(f"{'fold' if folds else labels.step} {step + 1}{of}")
        parts += [f"{labels.curve} {curve[step]:.4f}"] if labels.measured else []
    else:
        parts.append("starting")
    if trial.datetime_start is not None:
        parts.append(f"{clock((now - trial.datetime_start).total_seconds())} elapsed")
    return parts


def describe(trial: FrozenTrial, labels: Labels, is_best: bool) -> list[str]:
    """What came of a finished trial: the outcome first, its parameters last."""
    parts = [f"{labels.noun} {trial.number:>3} {_state(trial)}", *labels.values(trial.values or [])]
    if "epochs" in trial.user_attrs:
        most = attr(trial, "max_epochs")
        parts.append(f"{attr(trial, 'epochs')}{f' of {most}' if most else ''} epochs")
    if trial.duration is not None:
        seconds = attr(trial, "seconds") or trial.duration.total_seconds()
        parts.append(f"took {clock(seconds)}")
    if is_best:
        parts.append("<- best so far")
    if trial.state == TrialState.FAIL:
        reason = str(attr(trial, "fail_reason") or trial.user_attrs.get("interrupted"))
        parts += [] if reason.startswith("stopped by SIG") else [_first_sentence(reason)]
    if broken := [name for name, value in trial.constraints.items() if value > 0]:
        parts.append(f"(infeasible: {', '.join(broken)})")
    if is_foreign(trial):
        parts.append("(of another program)")
    if forced := attr(trial, "forced"):
        parts.append(f"(forced: {', '.join(short_names(forced).values())})")
    return [*parts, *assignments(trial.params)]


def _state(trial: FrozenTrial) -> str:
    if not is_put_back(trial):
        return STATES.get(trial.state, trial.state.name.lower())
    return f"interrupted, will {'start over' if attr(trial, 'starts_anew') else 'resume'}"


def _first_sentence(text: str) -> str:
    sentence = plain(text.partition(". ")[0])
    return sentence if len(sentence) <= LONGEST_REASON else f"{sentence[:LONGEST_REASON]}..."


def overdue(trials: Sequence[FrozenTrial], now: datetime) -> Iterator[tuple[FrozenTrial, float]]:
    """Running trials that take at least `OVERDUE` times the median, with how many times.

    The median is that of completed trials. Trials of other programs are left out: no setting of
    ours ends them."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    durations = [t.duration.total_seconds() for t in complete if t.duration is not None]
    if len(durations) < LEAST_DURATIONS:
        return
    typical = max(median(durations), LEAST_TYPICAL)
    for trial in trials:
        if trial.state == TrialState.RUNNING and trial.datetime_start and not is_foreign(trial):
            times = (now - trial.datetime_start).total_seconds() / typical
            if times >= OVERDUE:
                yield trial, times


def overdue_line(trial: FrozenTrial, times: float) -> list[str]:
    return [
        f"trial {trial.number} takes {times:.0f} times as long as the median trial; "
        "hydra.sweeper.trial_timeout ends such trials"
    ]
