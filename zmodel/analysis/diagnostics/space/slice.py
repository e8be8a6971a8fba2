"""Value against each parameter, one panel per parameter.

The worst values do not set the scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.depths import Depths, depths_of
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, ranked, sign
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Slices"
QUESTION = "How does the value change along each parameter?"
MOST = 8
COLUMNS = 2
CROWD = 300
"""From so many trials on their dots are small."""
# values further from the best than this many times the median's distance are drawn at the edge
REACH = 3.0


@dataclass(frozen=True)
class Point:
    """A trial in the slice of one parameter.

    `place`: 0 ... 1 within the parameter's range, on its own scale; `rank`: 1 is the best;
    `beyond`: much worse than most, drawn at the edge."""

    trial: int
    place: float
    value: float
    rank: int
    beyond: bool


@dataclass(frozen=True)
class Slice:
    scale: Scale
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Slices:
    """`edge`: the value at which the axis ends."""

    objective: str
    maximize: bool
    edge: float
    slices: tuple[Slice, ...]
    left_out: int
    depths: Depths


def data(study: StudyRecord) -> Slices:
    need_scored(study, 2)
    names = important(study, len(study.space))
    if not names:
        raise Unavailable("the study has no parameter that varies")
    trials = ranked(study)
    values = [float(t.value or 0.0) for t in trials]
    reach = values[0] + REACH * (float(np.median(values)) - values[0])
    edge = max(reach, values[-1]) if sign(study) > 0 else min(reach, values[-1])

    def along(scale: Scale) -> Slice:
        points = (
            Point(
                t.number, scale.unit(t.params[scale.param]), v, i + 1, sign(study) * (v - edge) < 0
            )
            for i, (t, v) in enumerate(zip(trials, values, strict=True))
            if scale.param in t.params
        )
        return Slice(scale, tuple(points))

    slices = tuple(along(scale_of(study, name)) for name in names[:MOST])
    left_out = len(names) - len(slices)
    depths = depths_of(study)
    return Slices(objective_name(study), sign(study) > 0, edge, slices, left_out, depths)


def draw(record: Slices, ax: Axes) -> None:
    columns = min(COLUMNS, len(record.slices))
    panels = style.panels(ax, math.ceil(len(record.slices) / columns), columns)
    for panel in panels[len(record.slices) :]:
        panel.set_axis_off()
    for i, (part, panel) in enumerate(zip(record.slices, panels, strict=False)):
        for beyond in (False, True):
            points = [p for p in part.points if p.beyond == beyond]
            marks.trials(
                panel,
                _beside(part.scale, points),
                [record.edge if beyond else p.value for p in points],
                [p.trial for p in points],
                record.depths,
                15 if len(points) < CROWD else 7,
                marker=("v" if record.maximize else "^") if beyond else "o",
            )
        axes.parameter_ticks(panel, part.scale)
        panel.set_xlim(-0.06, 1.06)
        panel.set_xlabel(axes.parameter_name(part.scale))
        shown = [max(p.value, record.edge) if record.maximize else p.value for p in part.points]
        value_axis(panel, record.objective, shown, record.maximize)
        if i % columns:
            panel.set_ylabel("")
    _legend(record, panels[0])


def _beside(scale: Scale, points: list[Point]) -> list[float]:
    """The points of one integer or category beside each other, always in the same way."""
    steps = scale.steps
    wide = min(0.05, 0.22 / (len(steps) - 1)) if steps and len(steps) > 1 else 0.0
    spread = np.random.default_rng(0).uniform(-wide, wide, len(points))
    return [point.place + float(shift) for point, shift in zip(points, spread, strict=True)]


def _legend(record: Slices, ax: Axes) -> None:
    marks.depth_legend(ax, record.depths)
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        columns = axes.fitting_columns(labels, 5)
        ax.figure.legend(handles, labels, loc="outside upper left", ncols=columns)


def size(record: Slices) -> tuple[float, float]:
    return style.WIDTH, 1.75 * math.ceil(len(record.slices) / COLUMNS) + 0.4


def rows(record: Slices) -> list[Row]:
    return [{"param": s.scale.param, **flat(p)} for s in record.slices for p in s.points]


def caption(record: Slices) -> str:
    of = f", in the colour of its {record.depths.name}" if record.depths.labels else ""
    text = f"One point per completed trial{of}."
    if any(p.beyond for p in record.slices[0].points):
        text += " Triangles at the edge: much worse trials."
    if record.left_out:
        text += f" The {record.left_out} least important parameters are left out."
    return text
