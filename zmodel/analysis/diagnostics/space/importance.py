"""Parameter importance by three of Optuna's evaluators, with bootstrap intervals.

PED-ANOVA (Watanabe et al. 2023) asks what separates the best tenth from the rest; fANOVA (Hutter
et al. 2014) and the mean decrease in impurity of a random forest ask what moves the value over
the whole range. They answer different questions, so disagreement is information. Each is scaled
to sum to 1. Only completed trials count, as in Optuna; a fourth row counts pruned trials too,
each at the best value it reported, and shows how much pruning changes the picture. A method that
takes too long is left out and named, or has its interval from fewer rounds.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.importance_methods import (
    ROUNDS,
    SECONDS,
    WITH_PRUNED,
    Estimate,
    Method,
    importances,
)
from zmodel.analysis.statistics.selection import (
    need_objective_curves,
    scored,
    short,
    sign,
    structural,
)
from zmodel.analysis.time_limit import TimeUp
from zmodel.study.records import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parameter importance"
QUESTION = "Which parameters moved the result, and how sure is that?"
LEAST = 8
MOST = 12
LABELS = {
    "ped_anova": "PED-ANOVA",
    "fanova": "fANOVA",
    "mdi": "mean decrease in impurity",
    WITH_PRUNED: "PED-ANOVA, pruned trials too",
}


@dataclass(frozen=True)
class Importance:
    """`skipped`: method -> why it is not among `methods`."""

    methods: tuple[Method, ...]
    skipped: dict[str, str]

    def of(self, name: str) -> Method | None:
        return next((m for m in self.methods if m.name == name), None)

    @property
    def order(self) -> list[str]:
        """Parameters by the first method, largest first, as `important` has them for the figures
        of single parameters and pairs."""
        first = self.methods[0].params
        rest = {p for m in self.methods for p in m.params} - first.keys()
        return [*sorted(first, key=lambda p: -first[p].value), *sorted(rest)]

    @property
    def agree(self) -> bool:
        """Whether all methods name the same first parameter."""
        return len({m.first for m in self.methods if m.name != WITH_PRUNED}) <= 1


def ranking(study: StudyRecord, rounds: int | None = None) -> dict[str, Estimate]:
    """PED-ANOVA alone: cheap enough for the verdicts. Empty when there are too few trials."""
    values = [(t, float(t.value or 0)) for t in scored(study)]
    if len(values) < LEAST:
        return {}
    with suppress(TimeUp, Unavailable):
        return importances(study, "ped_anova", values, SECONDS, rounds).params
    return {}


def important(study: StudyRecord, count: int) -> list[str]:
    """The depth first, then parameters by PED-ANOVA, then in the order of the space."""
    varied = [name for name, d in study.space.items() if not d.single()]
    weight = {param: estimate.value for param, estimate in ranking(study, rounds=0).items()}
    rest = sorted(varied, key=lambda name: -weight.get(name, 0.0))
    return list(dict.fromkeys([*structural(study)[:1], *rest]))[:count]


def data(study: StudyRecord, seconds: float = SECONDS) -> Importance:
    """`seconds` is what one method may take."""
    complete = scored(study)
    varied = [name for name, d in study.space.items() if not d.single()]
    if len(complete) < LEAST or len(varied) < 2:
        raise Unavailable(
            f"needs at least {LEAST} completed trials and 2 parameters that vary, "
            f"the study has {len(complete)} and {len(varied)}"
        )
    values = [(t, float(t.value or 0)) for t in complete]
    samples = dict.fromkeys(("ped_anova", "fanova", "mdi"), values)
    if pruned := _pruned(study):
        samples[WITH_PRUNED] = values + pruned
    methods, skipped = [], {}
    for name, sample in samples.items():
        try:
            methods.append(importances(study, name, sample, seconds))
        except (Unavailable, TimeUp) as reason:
            skipped[name] = str(reason)
    if not methods:
        raise Unavailable(_listed(skipped))
    return Importance(tuple(methods), skipped)


def _pruned(study: StudyRecord) -> list[tuple[TrialRecord, float]]:
    """The pruned trials, each with the best finite value that it reported."""
    try:
        need_objective_curves(study)
    except Unavailable:
        return []
    better = max if sign(study) > 0 else min
    reported = (
        (t, list(filter(math.isfinite, t.curve.values())))
        for t in study.trials
        if t.state == "pruned"
    )
    return [(trial, better(values)) for trial, values in reported if values]


def _listed(skipped: dict[str, str]) -> str:
    return "; ".join(f"{LABELS[name]}: {reason}" for name, reason in skipped.items())


def draw(record: Importance, ax: Axes) -> None:
    """A mark per method, whose shape names it, with its interval."""
    order = record.order[:MOST]
    height = 0.7 / len(record.methods)
    for row, method in enumerate(record.methods):
        found = [(at, e) for at, p in enumerate(order) if (e := method.params.get(p))]
        places = [at + (row - (len(record.methods) - 1) / 2) * height for at, _ in found]
        look: style.Look = {"marker": style.MARKERS[row], "label": LABELS[method.name]}
        marks.dots(ax, [e.value for _, e in found], places, style.INK, 24, alpha=1, **look)
        for place, (_, estimate) in zip(places, found, strict=True):
            if estimate.low is not None and estimate.high is not None:
                ax.hlines(place, estimate.low, estimate.high, color=style.MUTED, linewidth=1)
    ax.set_yticks(range(len(order)), [axes.clipped(short(param)) for param in order])
    ax.invert_yaxis()
    ax.set_xlim(left=-0.01)
    ax.set_xlabel("share of importance, with its 90 % interval")
    axes.legend_above(ax, 2)


def size(record: Importance) -> tuple[float, float]:
    return style.WIDTH, 1.3 + 0.13 * len(record.methods) * max(3, len(record.order[:MOST]))


def rows(record: Importance) -> list[Row]:
    return [
        {"method": method.name, "param": param, **flat(estimate), **flat(method, "name")}
        for method in record.methods
        for param, estimate in method.params.items()
    ]


def caption(record: Importance) -> str:
    named = [m for m in record.methods if m.name != WITH_PRUNED] or record.methods
    firsts = {LABELS[m.name]: short(m.first) for m in named}
    if len(firsts) == 1:
        text = f"{next(iter(firsts))} names {next(iter(firsts.values()))} first."
    elif record.agree:
        text = f"All methods name {next(iter(firsts.values()))} first."
    else:
        listed = ", ".join(f"{method}: {param}" for method, param in firsts.items())
        text = f"The methods disagree about the first parameter ({listed})."
    sampled = [f"{LABELS[m.name]} on {m.trials}" for m in record.methods if m.sampled]
    if sampled:
        text += f" Sampled trials: {'; '.join(sampled)}."
    if record.skipped:
        text += f" Left out: {_listed(record.skipped)}."
    for method in record.methods:
        if method.rounds < ROUNDS[method.name]:
            text += (
                f" {LABELS[method.name]} used up its time: intervals from {method.rounds} of "
                f"{ROUNDS[method.name]} rounds."
            )
    text += f" Order: by {LABELS[record.methods[0].name]}, as in the figures below."
    return text + " Few trials in the best tenth make PED-ANOVA coarse: look at the intervals."
