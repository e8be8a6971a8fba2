"""Trials and results of each value of a parameter.

It also says how surely a value is ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.diagnostics.space.cell_trials import ParamTrials, param_trials
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.intervals import TOP
from zmodel.analysis.statistics.selection import (
    baseline_value,
    objective_name,
    short,
    sign,
    structural,
)
from zmodel.analysis.statistics.shares import wilson
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Values"
QUESTION = "What did each value get, what did it reach, and which one is ahead?"


@dataclass(frozen=True)
class Values:
    """Structural parameters come first. How surely a value is ahead is known for these alone."""

    objective: str
    params: tuple[ParamTrials, ...]
    baseline: float | None = None
    maximize: bool = True
    depths: Depths = Depths()

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
    if not any(cell.trials for cell in params[0].cells):
        raise Unavailable(
            "no trial has a value of it yet: those that wait get theirs when they begin"
        )
    return Values(
        objective_name(study), params, baseline_value(study), sign(study) > 0, depths_of(study)
    )


def draw(record: Values, ax: Axes) -> None:
    """What the values reached; how many trials they got where some were lost; which is ahead."""
    shown = record.main
    parts = [("trials", 2.5)] * lost_some(shown) + [("ahead", 1.3)]
    if any(cell.completed for cell in shown.cells):
        parts = [("reached", 5.0), *parts]
    if not any(cell.wins for cell in shown.cells):
        parts.pop()
    names, heights = zip(*parts, strict=True)
    panels = style.panels(ax, len(parts), 1, height_ratios=heights)
    of = dict(zip(names, panels, strict=True))
    if "reached" in of:
        _draw_reached(record, of["reached"])
    if "trials" in of:
        _draw_trials(shown, of["trials"])
    if "ahead" in of:
        at = range(len(shown.cells))
        of["ahead"].bar(at, [c.wins for c in shown.cells], 0.72, color=style.MUTED)
        axes.shares(of["ahead"], "ahead", ticks=(0, 0.5, 1))
    for panel in panels:
        labels = [f"{axes.clipped(c.label, 16)}\n{c.trials}" for c in shown.cells]
        axes.categories(panel, labels, f"{short(shown.param)}, and its trials")
        panel.set_xlim(-0.6, len(shown.cells) - 0.4)
        if panel is not panels[-1]:
            panel.tick_params(labelbottom=False)
            panel.set_xlabel("")


def lost_some(shown: ParamTrials) -> bool:
    """Whether trials did anything else than complete: else their number says it all."""
    return any(cell.trials > cell.states["complete"] for cell in shown.cells)


def size(record: Values) -> tuple[float, float]:
    return style.WIDTH, 4.4 if lost_some(record.main) else 3.6


def _draw_trials(shown: ParamTrials, ax: Axes) -> None:
    tops = marks.stacked(ax, {state: shown.counts(state) for state in style.STATE})
    for at, cell in enumerate(shown.cells):
        marks.note(ax, at, tops[at], f"{cell.share:.0%}")
    ax.set_ylabel("trials")
    ax.margins(y=0.2)
    axes.whole_numbers(ax)
    axes.legend_above(ax)


def _draw_reached(record: Values, ax: Axes) -> None:
    """Every completed trial, hollow where it was forced, the medians, and the best at equal
    numbers of trials: the isolation plot."""
    shown = record.main
    marks.baseline(ax, record.baseline)
    spread = np.random.default_rng(0)
    for at, cell in enumerate(shown.cells):
        for hollow in (False, True):
            found = [point for point in cell.completed if point.forced == hollow]
            places = list(at + spread.uniform(-0.22, 0.22, len(found)))
            numbers = [point.trial for point in found]
            values = [point.value for point in found]
            marks.trials(ax, places, values, numbers, record.depths, hollow=hollow)
        if cell.median is not None:
            ax.hlines(cell.median, at - 0.33, at + 0.33, color=style.INK, linewidth=1.6)
        look: style.Look = {"color": style.INK, "linewidth": 1.2}
        marks.interval(ax, at + 0.33, cell.median_low, cell.median_high, **look)
        if cell.isolated is not None:
            marks.dots(ax, [at - 0.33], [cell.isolated], style.SECOND, 30, marker="D", alpha=1)
            marks.interval(ax, at - 0.33, cell.isolated_low, cell.isolated_high)
    marks.dots(ax, [], [], style.MUTED, label="completed trial")
    if any(cell.forced for cell in shown.cells):
        marks.dots(ax, [], [], style.MUTED, hollow=True, label="forced by coverage")
    ax.plot([], [], color=style.INK, label="median, 95 % interval")
    if any(cell.isolated is not None for cell in shown.cells):
        look = {"marker": "D", "label": "best of equally many, 95 %"}
        marks.dots(ax, [], [], style.SECOND, 30, alpha=1, **look)
    axes.legend_above(ax, 2)
    values = [point.value for cell in shown.cells for point in cell.completed]
    value_axis(ax, record.objective, [*values, record.baseline], record.maximize)


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
    forced, free = ([p.value for p in completed if p.forced == kind] for kind in (True, False))
    if forced:
        chosen = f", of the chosen ones {np.median(free):.4g}" if free else ""
        parts.append(f"{len(forced)} were forced (median {np.median(forced):.4g}{chosen}).")
    parts += [f"{name} = {c.label} was abandoned: {c.given_up}." for c in shown.cells if c.given_up]
    return " ".join(parts)


def _ahead(shown: ParamTrials) -> str:
    name, leader = short(shown.param), shown.leader
    if not leader.wins:
        return f"No value of {name} has {TOP} completed trials yet, so none can be called ahead."
    text = f"{name} = {leader.label} is ahead in {leader.wins:.0%} of bootstrap rounds"
    if shown.rivals:
        others = ", ".join(f"{c.label} in {c.wins:.0%}" for c in shown.rivals)
        text += f" ({others}): these cannot be distinguished"
    few = [c.label for c in shown.cells if c.states["complete"] < TOP]
    left_out = f" Not compared, under {TOP} completed trials: {', '.join(few)}." if few else ""
    return f"{text}, by the mean of its {TOP} best trials.{left_out}"
