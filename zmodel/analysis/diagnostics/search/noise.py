"""Which trials and depths cannot be distinguished from the best one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.noise import LEVEL, alike, validation_of
from zmodel.analysis.statistics.selection import (
    listed,
    need_scored,
    objective_name,
    ranked,
    short,
    sign,
    structural,
)
from zmodel.study.cells import value_label
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Within the noise"
QUESTION = "Which trials cannot be distinguished from the best one, and which is the simplest?"
SIZE = (style.WIDTH, 3.2)
SHOWN = 40


@dataclass(frozen=True)
class NoisyTrial:
    """`alike`: it cannot be distinguished from the best; `depth` is empty where none varies."""

    trial: int
    value: float
    error: float
    depth: str
    weights: int | None
    alike: bool


@dataclass(frozen=True)
class Noise:
    """All completed trials, the best first. `samples` of validation; `seeds`: standard deviation
    between seeds of one configuration in the final stage, which is part of each error."""

    objective: str
    param: str | None
    samples: int
    majority: float
    seeds: float | None
    trials: tuple[NoisyTrial, ...]
    maximize: bool
    palette: Depths

    @property
    def alike(self) -> list[NoisyTrial]:
        return [trial for trial in self.trials if trial.alike]

    @property
    def depths(self) -> list[str]:
        """Those that have a trial which cannot be distinguished from the best."""
        return sorted({t.depth for t in self.alike if t.depth}, key=lambda z: (len(z), z))

    @property
    def simplest(self) -> NoisyTrial:
        """Of these the one with the fewest weights, where they are known."""
        return min(self.alike, key=lambda t: (t.weights is None, t.weights or 0))


def data(study: StudyRecord) -> Noise:
    need_scored(study)
    known, trials = validation_of(study), ranked(study)
    values = [t.value or 0.0 for t in trials]
    if not all(0 <= value <= 1 for value in values):
        raise Unavailable(f"values of {objective_name(study)} lie outside 0 to 1")
    errors = [known.error(v) for v in values]
    inside = alike([sign(study) * v for v in values], errors)
    param = next(iter(structural(study)), None)
    rows = zip(trials, values, errors, inside, strict=True)
    found = (_trial(t, v, error, near, param) for t, v, error, near in rows)
    return Noise(
        objective_name(study),
        param,
        known.samples,
        known.majority,
        known.seeds,
        tuple(found),
        sign(study) > 0,
        depths_of(study),
    )


def _trial(
    trial: TrialRecord, value: float, error: float, near: bool, param: str | None
) -> NoisyTrial:
    depth = value_label(trial.params[param]) if param in trial.params else ""
    return NoisyTrial(trial.number, value, error, depth, attr(trial, "parameters"), near)


def draw(record: Noise, ax: Axes) -> None:
    shown = record.trials[:SHOWN]
    for near in (True, False):
        found = [(i, t) for i, t in enumerate(shown) if t.alike == near]
        label = "cannot be distinguished from the best" if near else "worse"
        look: style.Look = {"hollow": not near, "zorder": 3}
        places = [i for i, _ in found], [t.value for _, t in found]
        marks.trials(ax, *places, [t.trial for _, t in found], record.palette, **look)
        marks.dots(ax, [], [], style.MUTED, hollow=not near, label=label)
    ends = [(t.value - t.error, min(t.value + t.error, 1.0)) for t in shown]
    for i, (low, high) in enumerate(ends):
        marks.interval(ax, i, low, high, color=style.MUTED, linewidth=0.8)
    if record.simplest in shown and record.simplest.weights is not None:
        marks.ring(ax, shown.index(record.simplest), record.simplest.value, "fewest weights")
    ax.set_xlabel(f"trials, the best first{f' ({SHOWN} of {len(record.trials)})'}")
    # an interval that ends at 1 must not set the scale of the errors
    inside = [v for low, high in ends for v in (low, high) if v < 1]
    shown_values = [*inside, *(t.value for t in shown)]
    value_axis(ax, f"{record.objective} ± error", shown_values, record.maximize)
    axes.legend_above(ax, 3)


def rows(record: Noise) -> list[Row]:
    return [flat(trial) for trial in record.trials]


def caption(record: Noise) -> str:
    best, near = record.trials[0], record.alike
    text = (
        f"{record.samples:,} validation samples give the best value, {best.value:.4g}, a standard "
        f"error of {best.error:.4f}"
    )
    if record.seeds is not None:
        text += f" with the spread between seeds, {record.seeds:.4f}, in it"
    text += f". {len(near)} of {len(record.trials)} trials are as good at {LEVEL:.0%}"
    if record.param and record.depths:
        text += f", at {short(record.param)} = {listed(record.depths)}"
    simple = record.simplest
    if len(near) > 1 and simple.weights is not None:
        text += f". The simplest is trial {simple.trial} with {simple.weights:,} weights"
    return text + "."
