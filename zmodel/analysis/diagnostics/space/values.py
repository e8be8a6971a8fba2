"""What each value of a parameter got and reached: its trials, and how surely it is ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.diagnostics.space.cell_trials import ParamTrials, param_trials
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.intervals import TOP
from zmodel.analysis.statistics.selection import (
    baseline_value,
    objective_name,
    short,
    structural,
)
from zmodel.analysis.statistics.shares import wilson
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Values"
QUESTION = "What did each value get, what did it reach, and which one is ahead?"
SIZE = (7.2, 5.6)


@dataclass(frozen=True)
class Values:
    """Structural parameters come first. How surely a value is ahead is known for these alone."""

    objective: str
    params: tuple[ParamTrials, ...]
    baseline: float | None = None

    @property
    def main(self) -> ParamTrials:
        """The parameter that is drawn."""
        return self.params[0]

    @property
    def depth(self) -> ParamTrials | None:
        """The main parameter when it is a structural one."""
        return self.main if self.main.structural else None


def data(study: StudyRecord) -> Values:
    varied = [name for name, d in study.space.items() if not d.single()]
    if not varied or not study.trials:
        raise Unavailable("the study has no trials or no parameters that vary")
    names = list(dict.fromkeys([*structural(study), *varied]))
    params = tuple(param_trials(study, name) for name in names)
    return Values(objective_name(study), params, baseline_value(study))


def draw(record: Values, ax: Axes) -> None:
    shown = record.main
    reached, trials, ahead = style.panels(ax, 3, 1, height_ratios=[5, 3, 1.6])
    marks.baseline(reached, record.baseline)
    _draw_reached(shown, reached)
    reached.set_ylabel(record.objective)
    tops = marks.stacked(trials, {state: shown.counts(state) for state in style.STATE})
    for at, cell in enumerate(shown.cells):
        marks.note(trials, at, tops[at], f"{cell.trials} ({cell.share:.0%})")
    trials.set_ylabel("trials")
    trials.margins(y=0.2)
    axes.whole_numbers(trials)
    axes.legend_above(trials)
    ahead.bar(range(len(shown.cells)), [c.wins for c in shown.cells], 0.72, color=style.SECOND)
    axes.shares(ahead, "ahead", ticks=(0, 0.5, 1))
    for panel in (reached, trials, ahead):
        axes.categories(panel, [c.label for c in shown.cells], short(shown.param))
        panel.set_xlim(-0.6, len(shown.cells) - 0.4)
        if panel is not ahead:
            panel.tick_params(labelbottom=False)
            panel.set_xlabel("")


def _draw_reached(shown: ParamTrials, ax: Axes) -> None:
    """Every completed trial, hollow where it was forced, and the medians."""
    spread = np.random.default_rng(0)
    for at, cell in enumerate(shown.cells):
        for hollow in (False, True):
            values = [value for value, forced in cell.completed if forced == hollow]
            places = at + spread.uniform(-0.22, 0.22, len(values))
            marks.dots(ax, places, values, hollow=hollow)
        if cell.median is not None:
            ax.hlines(cell.median, at - 0.33, at + 0.33, color=style.SECOND, linewidth=2)
        marks.interval(ax, at + 0.33, cell.median_low, cell.median_high)
    marks.dots(ax, [], [], label="completed trial")
    if any(cell.forced for cell in shown.cells):
        marks.dots(ax, [], [], hollow=True, label="forced by coverage")
    ax.plot([], [], color=style.SECOND, label="median, 95 % interval")
    axes.legend_above(ax)


def rows(record: Values) -> list[Row]:
    return [
        {"param": p.param, "value": cell.label, **flat(cell, "label"), **cell.states}
        | {"evenness": p.evenness}
        for p in record.params
        for cell in p.cells
    ]


def caption(record: Values) -> str:
    shown, name = record.main, short(record.main.param)
    most, least = (way(shown.cells, key=lambda c: c.trials) for way in (max, min))
    parts = [_ahead(shown)] if shown.structural else []
    parts.append(
        f"{name} = {most.label} got {most.trials} trials ({most.share:.0%}), {name} = "
        f"{least.label} got {least.trials} ({least.share:.0%}); evenness {shown.evenness:.2f} "
        "(1 is even, 0 is all on one value)."
    )
    lost = [c for c in shown.cells if c.ended > c.states["complete"]]
    if lost:
        worst = min(lost, key=lambda c: c.states["complete"] / c.ended)
        low, high = wilson(worst.states["complete"], worst.ended)
        parts.append(
            f"Fewest completed at {name} = {worst.label}: {worst.states['complete']} of "
            f"{worst.ended} (95 % interval {low:.0%} to {high:.0%})."
        )
    completed = [point for cell in shown.cells for point in cell.completed]
    forced, free = ([v for v, f in completed if f == kind] for kind in (True, False))
    if forced:
        chosen = f", of the chosen ones {np.median(free):.4g}" if free else ""
        parts.append(f"{len(forced)} were forced (median {np.median(forced):.4g}{chosen}).")
    parts += [f"{name} = {c.label} was given up: {c.given_up}." for c in shown.cells if c.given_up]
    return " ".join(parts)


def _ahead(shown: ParamTrials) -> str:
    name, leader = short(shown.param), shown.leader
    if not leader.wins:
        return f"No value of {name} has {TOP} completed trials yet, so none can be called ahead."
    text = f"{name} = {leader.label} is ahead in {leader.wins:.0%} of bootstrap rounds"
    if shown.rivals:
        others = ", ".join(f"{c.label} in {c.wins:.0%}" for c in shown.rivals)
        text += f" ({others}): these cannot be told apart"
    few = [c.label for c in shown.cells if c.states["complete"] < TOP]
    left_out = f" Not compared, under {TOP} completed trials: {', '.join(few)}." if few else ""
    return f"{text}, by the mean of its {TOP} best trials.{left_out}"
