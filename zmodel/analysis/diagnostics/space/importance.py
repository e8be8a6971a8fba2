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
from typing import TYPE_CHECKING

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.evaluators import evaluate, evaluator, frozen
from zmodel.analysis.statistics.intervals import around
from zmodel.analysis.statistics.selection import drawn, scored, short, sign, structural
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parameter importance"
QUESTION = "Which parameters moved the result, and how sure is that?"
LEAST = 8
MOST = 12
WITH_PRUNED = "ped_anova_with_pruned"
LABELS = {
    "ped_anova": "PED-ANOVA",
    "fanova": "fANOVA",
    "mdi": "mean decrease in impurity",
    WITH_PRUNED: "PED-ANOVA, pruned trials too",
}
# every further choice doubles the time of fANOVA: 7 seconds at 8 choices and 160 trials
MOST_CHOICES = 8
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
    """`too_wide`: parameters with more choices than fANOVA can take; it is left out then."""

    methods: tuple[Method, ...]
    too_wide: tuple[str, ...] = ()

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


def ranking(study: StudyRecord, rounds: int | None = None) -> dict[str, Estimate]:
    """PED-ANOVA alone: cheap enough for the verdicts. Empty when there are too few trials."""
    values = [(t, float(t.value or 0)) for t in scored(study)]
    return _method(study, "ped_anova", values, rounds).params if len(values) >= LEAST else {}


def important(study: StudyRecord, count: int) -> list[str]:
    """The depth first, then parameters by PED-ANOVA, then in the order of the space."""
    varied = [name for name, d in study.space.items() if not d.single()]
    weight = {param: estimate.value for param, estimate in ranking(study, rounds=0).items()}
    rest = sorted(varied, key=lambda name: -weight.get(name, 0.0))
    return list(dict.fromkeys([*structural(study)[:1], *rest]))[:count]


def data(study: StudyRecord) -> Importance:
    complete = scored(study)
    varied = [name for name, d in study.space.items() if not d.single()]
    if len(complete) < LEAST or len(varied) < 2:
        raise Unavailable(
            f"needs at least {LEAST} completed trials and 2 parameters that vary, "
            f"the study has {len(complete)} and {len(varied)}"
        )
    values = [(t, float(t.value or 0)) for t in complete]
    too_wide = tuple(name for name in varied if _choices(study, name) > MOST_CHOICES)
    names = ("ped_anova", "mdi") if too_wide else ("ped_anova", "fanova", "mdi")
    methods = [_method(study, name, values) for name in names]
    pruned = _pruned(study)
    if pruned:
        methods.append(_method(study, WITH_PRUNED, values + pruned))
    methods = [m for m in methods if m.params]
    if not methods:
        raise Unavailable("no method found an influence: all values are (nearly) the same")
    return Importance(tuple(methods), too_wide)


def _choices(study: StudyRecord, param: str) -> int:
    distribution = study.space[param]
    return len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 0


def _pruned(study: StudyRecord) -> list[tuple[TrialRecord, float]]:
    """The pruned trials, each with the best finite value that it reported."""
    better = max if sign(study) > 0 else min
    reported = (
        (t, list(filter(math.isfinite, t.curve.values())))
        for t in study.trials
        if t.state == "pruned"
    )
    return [(trial, better(values)) for trial, values in reported if values]


def _method(
    study: StudyRecord,
    name: str,
    values: list[tuple[TrialRecord, float]],
    rounds: int | None = None,
) -> Method:
    most, usual = BOUNDS[name]
    rng = np.random.default_rng(0)
    trials = [frozen(trial, value) for trial, value in drawn(values, most)]
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
        len(values) > most,
        {
            param: Estimate(value, *around(value, draws[param], 0.9))
            for param, value in point.items()
        },
    )


def draw(record: Importance, ax: Axes) -> None:
    order = record.order[:MOST]
    height = 0.8 / len(record.methods)
    for row, method in enumerate(record.methods):
        found = [(at, e) for at, p in enumerate(order) if (e := method.params.get(p))]
        places = [at + (row - (len(record.methods) - 1) / 2) * height for at, _ in found]
        look: style.Look = {"color": style.SERIES[row], "label": LABELS[method.name]}
        ax.barh(places, [e.value for _, e in found], height * 0.9, linewidth=0, **look)
        for place, (_, estimate) in zip(places, found, strict=True):
            if estimate.low is not None and estimate.high is not None:
                ax.hlines(place, estimate.low, estimate.high, color=style.INK, linewidth=1)
    ax.set_yticks(range(len(order)), [short(param) for param in order])
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlim(left=0)
    ax.set_xlabel("share of importance, bar: estimate, line: 90 % bootstrap interval")
    axes.legend_above(ax, 2)


def size(record: Importance) -> tuple[float, float]:
    return 7.2, 1.4 + 0.17 * len(record.methods) * max(3, len(record.order[:MOST]))


def rows(record: Importance) -> list[Row]:
    return [
        {"method": method.name, "param": param, **flat(estimate), **flat(method, "name")}
        for method in record.methods
        for param, estimate in method.params.items()
    ]


def caption(record: Importance) -> str:
    firsts = {LABELS[m.name]: short(m.first) for m in record.methods if m.name != WITH_PRUNED}
    if record.agree:
        text = f"All methods name {next(iter(firsts.values()))} first."
    else:
        named = ", ".join(f"{method}: {param}" for method, param in firsts.items())
        text = f"The methods disagree about the first parameter ({named})."
    if record.too_wide:
        wide = ", ".join(map(short, record.too_wide))
        text += f" fANOVA is left out: it takes {MOST_CHOICES} choices at most, {wide} has more."
    sampled = [f"{LABELS[m.name]} on {m.trials}" for m in record.methods if m.sampled]
    if sampled:
        text += f" Sampled trials: {'; '.join(sampled)}."
    return text + " Few trials in the best tenth make PED-ANOVA coarse: look at the intervals."
