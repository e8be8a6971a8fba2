"""The learning curves of the trials that run now, beside the best trial's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.selection import best, curve_name, curve_sign, scored
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Running trials"
QUESTION = "Where do the trials stand that run now?"
MOST = 16


@dataclass(frozen=True)
class Running:
    """`curves`: trial -> epoch, counted from 1 -> value; `best`: of the best trial, if any."""

    objective: str
    maximize: bool
    curves: dict[int, dict[int, float]]
    silent: tuple[int, ...]
    best_number: int | None
    best: dict[int, float]
    depths: Depths


def data(study: StudyRecord) -> Running:
    running = [t for t in study.trials if t.state == "running"]
    if not running:
        raise Unavailable("no trial runs")
    if not any(t.curve for t in running):
        raise Unavailable("no running trial has reported a value yet")
    winner = best(study) if scored(study) else None
    return Running(
        curve_name(study),
        curve_sign(study) > 0,
        {t.number: {e + 1: v for e, v in t.curve.items()} for t in running if t.curve},
        tuple(t.number for t in running if not t.curve),
        winner.number if winner else None,
        {e + 1: v for e, v in winner.curve.items()} if winner else {},
        depths_of(study),
    )


def draw(record: Running, ax: Axes) -> None:
    colors = style.colors_of(record.depths.labels)
    shown = dict(list(record.curves.items())[-MOST:])
    if record.best:
        look: style.Look = {"color": style.SECOND, "linewidth": 1.2}
        label = f"best, trial {record.best_number}"
        (line,) = ax.plot(list(record.best), list(record.best.values()), label=label, **look)
        line.set_gid(f"trials {record.best_number}")
    for number, curve in shown.items():
        color = colors.get(record.depths.of.get(number, ""), style.ACCENT)
        look = {"color": color, "marker": "o", "markevery": [-1], "markersize": 4}
        (line,) = ax.plot(list(curve), list(curve.values()), label=f"trial {number}", **look)
        line.set_gid(f"trials {number}")
    values = [v for curve in (*shown.values(), record.best) for v in curve.values()]
    value_axis(ax, record.objective, values, record.maximize)
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")
    axes.legend_above(ax, 4)


def rows(record: Running) -> list[Row]:
    return [
        {"trial": number, "epoch": epoch, "value": value}
        for number, curve in record.curves.items()
        for epoch, value in curve.items()
    ]


def caption(record: Running) -> str:
    told = [
        f"trial {number} stands at {list(curve.values())[-1]:.4g} after epoch {max(curve)}"
        for number, curve in list(record.curves.items())[-MOST:]
    ]
    text = f"{'; '.join(told)}."
    if record.silent:
        text += f" Not drawn, no value yet: {', '.join(map(str, record.silent))}."
    return text[0].upper() + text[1:]
