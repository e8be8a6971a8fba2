"""The table of trials: one row per trial, best first."""

from __future__ import annotations

from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import recorded_epochs, recorded_seconds, score
from zmodel.study.constraints import constraints_of, known_amounts
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr
from zmodel.study.widening import phase_of, phase_starts


def rows(study: StudyRecord) -> list[Row]:
    """All trials: the completed by value, then the others by number."""
    params = list(dict.fromkeys([*study.space, *(p for t in study.trials for p in t.params)]))
    return [_row(study, trial, params) for trial in ordered(study)]


def ordered(study: StudyRecord) -> list[TrialRecord]:
    """The completed trials best first, then the others by number."""

    def key(trial: TrialRecord) -> tuple[bool, float, int]:
        reached = score(study, trial) if trial.state == "complete" else None
        return (reached is None, -(reached or 0.0), trial.number)

    return sorted(study.trials, key=key)


def _row(study: StudyRecord, trial: TrialRecord, params: list[str]) -> Row:
    many = len(study.directions) > 1
    values = trial.values or ()
    return {
        "trial": trial.number,
        "state": trial.state,
        **(
            {f"value_{i}": v for i, v in enumerate(values)}
            if many
            else {"value": trial.value if trial.state != "pruned" else None}
        ),
        **{param: trial.params.get(param) for param in params},
        "epochs": recorded_epochs(trial) or None,
        "cooled_from": attr(trial, "cooled_from"),
        "best_epoch": _from_one(attr(trial, "best_epoch")),
        "seconds": recorded_seconds(trial),
        "weights": attr(trial, "parameters"),
        **_limits(study, trial),
        "forced": " ".join(attr(trial, "forced", [])),
        "baseline": bool(attr(trial, "baseline")),
        "phase": phase_of(trial.number, study.attrs) if phase_starts(study.attrs) else None,
        "control": bool(attr(trial, "control")),
        "replicate_of": attr(trial, "replicate"),
        "stopped_early": attr(trial, "stopped_early"),
        "never_learned": attr(trial, "never_learned"),
        "paused_at": attr(trial, "paused_at") if trial.state == "paused" else None,
        "pauses": attr(trial, "pauses"),
        "ended_by": ended_by(trial),
        "attempt": attr(trial, "attempt"),
        "foreign": trial.foreign or None,
        "worker": attr(trial, "worker", "") or None,
        "started": trial.started.isoformat(timespec="seconds") if trial.started else None,
        "fail_reason": attr(trial, "fail_reason", "")[:300] or None,
    }


def _limits(study: StudyRecord, trial: TrialRecord) -> Row:
    """Whether it keeps the constraints of the study, and what they bound that stands nowhere."""
    constraints = constraints_of(study.attrs)
    if not constraints:
        return {}
    known = known_amounts(trial)
    amounts = {c.name: known.get(c.name) for c in constraints if c.name != "parameters"}
    return {"feasible": trial.feasible if trial.state == "complete" else None, **amounts}


def ended_by(trial: TrialRecord) -> str | None:
    """What ended a trial, or keeps it from going on; None while it runs, or when it failed."""
    if trial.state in ("paused", "pruned"):
        return "rule" if trial.state == "paused" else "pruner"
    stopped = attr(trial, "stopped_early")
    if trial.state != "complete" or stopped is None:
        return None
    return "early stopping" if stopped else "allowance"


def course(trial: TrialRecord) -> list[tuple[str, str]]:
    """What happened to a trial on its way, for its own card: pauses, the cool-down, its end."""
    lines, paused = [], trial.state == "paused"
    if paused:
        lines.append(("paused after epoch", str(attr(trial, "paused_at"))))
    continued = attr(trial, "pauses", 0) - paused
    if continued > 0:
        lines.append(("continued", "once" if continued == 1 else f"{continued} times"))
    if (cooled := attr(trial, "cooled_from")) is not None:
        lines.append(("cooled down after epoch", str(cooled)))
    if (by := ended_by(trial)) is not None and not paused:
        lines.append(("ended by", by))
    return lines


def _from_one(epoch: int | None) -> int | None:
    """An epoch as people count it, like `epochs` beside it."""
    return None if epoch is None else epoch + 1
