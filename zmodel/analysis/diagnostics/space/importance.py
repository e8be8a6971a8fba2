"""Parameter importance by three of Optuna's evaluators, with bootstrap intervals.

PED-ANOVA (Watanabe et al. 2023) asks what separates the best tenth from the rest; fANOVA (Hutter
et al. 2014) and the mean decrease in impurity of a random forest ask what moves the value over
the whole range. They answer different questions, so disagreement is information. Each is scaled
to sum to 1. Only completed trials count, as in Optuna; a fourth row counts pruned trials too,
each at the best value it reported, and shows how much pruning changes the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.study import StudyDirection

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.evaluators import evaluate, evaluator, frozen
from zmodel.analysis.statistics.intervals import spread
from zmodel.analysis.statistics.selection import scored, short, sign
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parameter importance"
QUESTION = "Which parameters moved the result, and how sure is that?"
LEAST = 8
WITH_PRUNED = "ped_anova_with_pruned"
LABELS = {
    "ped_anova": "PED-ANOVA",
    "fanova": "fANOVA",
    "mdi": "mean decrease in impurity",
    WITH_PRUNED: "PED-ANOVA, pruned trials too",
}
# trials and bootstrap rounds per method: forests cost seconds at a few hundred trials
BOUNDS = {"ped_anova": (1000, 20), WITH_PRUNED: (1000, 20), "fanova": (160, 8), "mdi": (300, 12)}


@dataclass(frozen=True)
class Estimate:
    """Share of importance with a 90 % bootstrap interval; None when no round gave one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Method:
    name: str
    trials: int
    sampled: bool
    params: dict[str, Estimate]

    @property
    def first(self) -> str:
        return max(self.params, key=lambda p: self.params[p].value)


@dataclass(frozen=True)
class Importance:
    methods: tuple[Method, ...]

    def of(self, name: str) -> Method | None:
        return next((m for m in self.methods if m.name == name), None)

    @property
    def order(self) -> list[str]:
        """Parameters by their mean importance over the methods, largest first."""
        params = {p for m in self.methods for p in m.params}
        means = {
            p: float(np.mean([m.params[p].value for m in self.methods if p in m.params]))
            for p in params
        }
        return sorted(means, key=lambda p: (-means[p], p))

    @property
    def agree(self) -> bool:
        """Whether all methods name the same first parameter."""
        return len({m.first for m in self.methods if m.name != WITH_PRUNED}) <= 1


def ranking(study: StudyRecord) -> dict[str, Estimate]:
    """PED-ANOVA alone: cheap enough for the verdicts. Empty when there are too few trials."""
    values = [(t, float(t.value or 0)) for t in scored(study)]
    return _method(study, "ped_anova", values).params if len(values) >= LEAST else {}


def weights(study: StudyRecord) -> dict[str, float]:
    """PED-ANOVA without intervals: to order parameters. Empty when there are too few trials."""
    values = [(t, float(t.value or 0)) for t in scored(study)]
    if len(values) < LEAST:
        return {}
    return {p: e.value for p, e in _method(study, "ped_anova", values, rounds=0).params.items()}


def data(study: StudyRecord) -> Importance:
    complete = scored(study)
    varied = [name for name, d in study.space.items() if not d.single()]
    if len(complete) < LEAST or len(varied) < 2:
        raise Unavailable(
            f"needs at least {LEAST} completed trials and 2 parameters that vary, "
            f"the study has {len(complete)} and {len(varied)}"
        )
    values = [(t, float(t.value or 0)) for t in complete]
    methods = [_method(study, name, values) for name in ("ped_anova", "fanova", "mdi")]
    pruned = _pruned(study)
    if pruned:
        methods.append(_method(study, WITH_PRUNED, values + pruned))
    methods = [m for m in methods if m.params]
    if not methods:
        raise Unavailable("no method found an influence: all values are (nearly) the same")
    return Importance(tuple(methods))


def _pruned(study: StudyRecord) -> list[tuple[TrialRecord, float]]:
    better = max if sign(study) > 0 else min
    return [
        (t, better(v for v in t.curve.values() if math.isfinite(v)))
        for t in study.trials
        if t.state == "pruned" and any(map(math.isfinite, t.curve.values()))
    ]


def _method(
    study: StudyRecord,
    name: str,
    values: list[tuple[TrialRecord, float]],
    rounds: int | None = None,
) -> Method:
    most, usual = BOUNDS[name]
    rng = np.random.default_rng(0)
    sampled = len(values) > most
    if sampled:
        values = [values[i] for i in sorted(rng.choice(len(values), most, replace=False))]
    trials = [frozen(trial, value) for trial, value in values]
    direction = StudyDirection.MAXIMIZE if sign(study) > 0 else StudyDirection.MINIMIZE
    point = evaluate(evaluator(name, 64 if len(trials) <= 100 else 24), trials, direction)
    draws: dict[str, list[float]] = {param: [] for param in point}
    for _ in range(usual if rounds is None else rounds):
        again = [trials[i] for i in rng.integers(0, len(trials), len(trials))]
        for param, share in evaluate(evaluator(name, 10), again, direction).items():
            draws.setdefault(param, []).append(share)
    return Method(
        name,
        len(trials),
        sampled,
        {
            param: Estimate(value, *(spread(draws[param], 0.9) if draws[param] else (None, None)))
            for param, value in point.items()
        },
    )


def draw(record: Importance, ax: Axes) -> None:
    order = record.order[:12]
    height = 0.8 / len(record.methods)
    for row, method in enumerate(record.methods):
        for at, param in enumerate(order):
            estimate = method.params.get(param)
            if estimate is None:
                continue
            y = at + (row - (len(record.methods) - 1) / 2) * height
            ax.barh(
                y,
                estimate.value,
                height * 0.9,
                color=style.SERIES[row],
                linewidth=0,
                label=LABELS[method.name] if at == 0 else None,
            )
            if estimate.low is not None and estimate.high is not None:
                ax.plot([estimate.low, estimate.high], [y, y], color=style.INK, linewidth=1)
    ax.set_yticks(range(len(order)), [short(param) for param in order])
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlim(left=0)
    ax.set_xlabel("share of importance, bar: estimate, line: 90 % bootstrap interval")
    style.legend_above(ax, 2)


def size(record: Importance) -> tuple[float, float]:
    return 7.2, 1.4 + 0.17 * len(record.methods) * max(3, len(record.order[:12]))


def rows(record: Importance) -> list[dict[str, Any]]:
    return [
        {
            "method": method.name,
            "param": param,
            "value": e.value,
            "low": e.low,
            "high": e.high,
            "trials": method.trials,
            "sampled": method.sampled,
        }
        for method in record.methods
        for param, e in method.params.items()
    ]


def caption(record: Importance) -> str:
    firsts = {LABELS[m.name]: short(m.first) for m in record.methods if m.name != WITH_PRUNED}
    if record.agree:
        text = f"All methods name {next(iter(firsts.values()))} first."
    else:
        named = ", ".join(f"{method}: {param}" for method, param in firsts.items())
        text = f"The methods disagree about the first parameter ({named})."
    sampled = [f"{LABELS[m.name]} on {m.trials}" for m in record.methods if m.sampled]
    if sampled:
        text += f" Sampled trials: {'; '.join(sampled)}."
    return text + " Few trials in the best tenth make PED-ANOVA coarse: look at the intervals."
