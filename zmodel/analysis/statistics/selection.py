"""Which trials and parameters the diagnostics look at.

A *score* is the first objective value with the sign that makes larger better, so that no
diagnostic has to ask for the direction again. Infinite and NaN values, and those of trials that
break a constraint, count as trials, never as scores.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from optuna.distributions import CategoricalDistribution, IntDistribution

from zmodel.analysis.findings import Unavailable
from zmodel.study.cells import cells_of
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

DEPTH = "z_layers"
T = TypeVar("T")


def sign(study: StudyRecord) -> float:
    """+1 when larger values of the first objective are better, -1 when smaller ones are."""
    return 1.0 if study.directions[0] == "maximize" else -1.0


def curve_sign(study: StudyRecord) -> float:
    """+1 when larger values of what trials report per epoch are better, -1 when smaller ones are.

    That need not be an objective: a study that minimises parameters reports val/acc.

    Raises:
        Unavailable: the study does not say which way the reported metric is better.
    """
    known = study.attrs.get("curve")
    if not isinstance(known, dict):  # of plain Optuna, where trials report their objective
        return sign(study)
    if known.get("direction") not in ("maximize", "minimize"):
        raise Unavailable(
            f"trials report {curve_name(study)} per epoch, and nothing says which way is better"
        )
    return 1.0 if known["direction"] == "maximize" else -1.0


def need_objective_curves(study: StudyRecord) -> None:
    """Unavailable unless what trials report per epoch is what they are judged by."""
    reported, judged_by = curve_name(study), objective_name(study)
    if reported.removesuffix("_best") != judged_by.removesuffix("_best"):
        raise Unavailable(f"trials report {reported} per epoch and are judged by {judged_by}")


def score(study: StudyRecord, trial: TrialRecord) -> float | None:
    """The trial's first value, larger is better; None when it has no finite one, or breaks a
    constraint of the study."""
    value = trial.value
    if value is None or not math.isfinite(value) or not trial.feasible:
        return None
    return sign(study) * value


def scored(study: StudyRecord) -> list[TrialRecord]:
    """Completed trials with a finite first value and all parameters that keep the constraints, in
    order of their numbers."""
    return list(study.comparable)


def need_scored(study: StudyRecord, least: int = 1) -> list[TrialRecord]:
    """As `scored`; Unavailable when there are fewer than `least`."""
    trials = scored(study)
    if len(trials) < least:
        raise Unavailable(
            f"needs at least {least} completed {'trial' if least == 1 else 'trials'}, "
            f"the study has {len(trials)}"
        )
    return trials


def drawn(items: Sequence[T], most: int) -> list[T]:
    """All items, or `most` of them drawn at random in their order; always the same ones."""
    if len(items) <= most:
        return list(items)
    chosen = np.random.default_rng(0).choice(len(items), most, replace=False)
    return [items[i] for i in sorted(chosen)]


def best(study: StudyRecord) -> TrialRecord:
    """The completed trial with the best first value, the earliest among equals."""
    need_scored(study)
    return study.best_first[0]


def ranked(study: StudyRecord) -> list[TrialRecord]:
    """Completed trials, best first."""
    return list(study.best_first)


def need_curves(study: StudyRecord, least: int) -> list[TrialRecord]:
    """Of `ranked` those that reported more than one value; Unavailable when under `least`."""
    trials = [t for t in ranked(study) if len(t.curve) > 1]
    if len(trials) < least:
        raise Unavailable(
            f"needs at least {least} completed trials that reported a value per epoch, "
            f"the study has {len(trials)}"
        )
    return trials


def top(study: StudyRecord, share: float, least: int = 1) -> list[TrialRecord]:
    """The best `share` of the completed trials, at least `least` of them."""
    trials = ranked(study)
    return trials[: max(least, math.ceil(share * len(trials)))]


def baseline_of(study: StudyRecord) -> TrialRecord | None:
    """The trial of the configuration as composed, without the search; None: there is none."""
    return next((t for t in study.trials if attr(t, "baseline")), None)


def baseline_value(study: StudyRecord) -> float | None:
    """What the baseline reached; None where there is none, or it has not completed."""
    own = baseline_of(study)
    return own.value if own is not None and own.state == "complete" else None


def count_states(trials: Iterable[TrialRecord]) -> dict[str, int]:
    """Trials per state; all states are present."""
    states = ("complete", "pruned", "failed", "running", "waiting", "paused")
    counts = dict.fromkeys(states, 0)
    for trial in trials:
        counts[trial.state] += 1
    return counts


def structural(study: StudyRecord) -> list[str]:
    """Parameters whose every value deserves its chance: the depth, when there is one.

    In a study without z-layers these are all integer and categorical parameters; in one of a
    single depth there are none. Declared roles go before: those that are scientific.
    """
    roles = study.attrs.get("roles")
    if not isinstance(roles, Mapping):
        return _structural(study)
    usual = {*_structural(study)} if "scientific" not in roles.values() else set()
    return [
        name
        for name, distribution in study.space.items()
        if not distribution.single()
        and roles.get(name, "scientific" if name in usual else None) == "scientific"
    ]


def _structural(study: StudyRecord) -> list[str]:
    depths = [name for name in study.space if name.rsplit(".", 1)[-1] == DEPTH]
    if depths:
        return [name for name in depths if not study.space[name].single()]
    kinds = (IntDistribution, CategoricalDistribution)
    return [name for name, d in study.space.items() if isinstance(d, kinds) and not d.single()]


def need_structural(study: StudyRecord) -> str:
    """The first structural parameter; Unavailable when there is none."""
    names = structural(study)
    if not names:
        raise Unavailable("no depth, integer or category varies in this study to split by")
    return names[0]


def by_depth(study: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, list[TrialRecord]]:
    """Trials by value of the first structural parameter; all in one group where there is none."""
    params = structural(study)[:1]
    if not params:
        return {"all trials": list(trials)}
    cells = cells_of(study, params[0])
    return dict(zip(cells.labels, cells.split(trials), strict=True))


def listed(labels: Sequence[str], most: int = 8) -> str:
    """`a, b and c`; of more than `most` the first ones and how many follow."""
    if len(labels) > most:
        return f"{', '.join(labels[:most])} and {len(labels) - most} more"
    return " and ".join(filter(None, [", ".join(labels[:-1]), *labels[-1:]]))


def objective_name(study: StudyRecord) -> str:
    """How the first objective is called in the study, or `objective`."""
    return objective_names(study)[0]


def curve_name(study: StudyRecord) -> str:
    """What trials report per epoch."""
    known = study.attrs.get("curve")
    metric = known.get("metric") if isinstance(known, dict) else None
    return plain(metric) if isinstance(metric, str) else objective_name(study)


def objective_names(study: StudyRecord) -> list[str]:
    """The objectives' names in the study, or `objective`, `objective 1` and so on."""
    names = study.attrs.get("optimized_metric")
    given = [names] if isinstance(names, str) else names
    if isinstance(given, list | tuple) and len(given) == len(study.directions):
        return [plain(name) for name in given]
    return ["objective", *(f"objective {i}" for i in range(1, len(study.directions)))]


def fixed(study: StudyRecord, ending: str) -> Any:
    """A value of the study's fixed configuration by the end of its dotted name, or None."""
    known = study.attrs.get("fixed")
    if not isinstance(known, dict):
        return None
    found = (v for key, v in known.items() if f".{key}".endswith(f".{ending}"))
    return next(found, None)


def compared(gain: float) -> str:
    """A gain in words, as `0.0012 better`; less than 0 is worse."""
    return f"{abs(gain):.4f} {'better' if gain >= 0 else 'worse'}"


def short(param: str) -> str:
    """The last part of a dotted parameter name."""
    return plain(param.rsplit(".", 1)[-1])


def recorded_seconds(trial: TrialRecord) -> float | None:
    """Wall seconds of the trial: from its own clock, else from Optuna's; None while it runs."""
    seconds = attr(trial, "seconds")
    if seconds is None and trial.started and trial.finished:
        seconds = (trial.finished - trial.started).total_seconds()
    return seconds


def recorded_epochs(trial: TrialRecord) -> int:
    """Epochs the trial ran: as recorded, else as many values as it reported."""
    epochs = attr(trial, "epochs")
    return len(trial.curve) if epochs is None else epochs
