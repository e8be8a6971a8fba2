"""Value against each parameter, one panel per parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.space.joint import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, short
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Slices"
QUESTION = "How does the value change along each parameter?"
MOST = 9
COLUMNS = 3


@dataclass(frozen=True)
class Slice:
    """`places` of the trials on the parameter's axis and their values, in order of numbers."""

    scale: Scale
    numbers: tuple[int, ...]
    places: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Slices:
    objective: str
    slices: tuple[Slice, ...]
    left_out: int


def data(study: StudyRecord) -> Slices:
    trials = need_scored(study, 2)
    names = important(study, len(study.space))
    if not names:
        raise Unavailable("the study has no parameter that varies")
    slices = []
    for name in names[:MOST]:
        scale = scale_of(study, name)
        found = [t for t in trials if name in t.params]
        slices.append(
            Slice(
                scale,
                tuple(t.number for t in found),
                tuple(scale.place(t.params[name]) for t in found),
                tuple(float(t.value or 0.0) for t in found),
            )
        )
    return Slices(objective_name(study), tuple(slices), max(0, len(names) - MOST))


def draw(record: Slices, ax: Axes) -> None:
    columns = min(COLUMNS, len(record.slices))
    panels = style.panels(ax, math.ceil(len(record.slices) / columns), columns)
    for i, panel in enumerate(panels):
        if i >= len(record.slices):
            panel.set_axis_off()
            continue
        part = record.slices[i]
        panel.scatter(
            part.places,
            part.values,
            c=part.numbers,
            cmap="viridis_r",
            s=14,
            alpha=0.75,
            edgecolors=style.MUTED,
            linewidths=0.4,
            rasterized=len(part.places) > 150,
        )
        part.scale.apply(panel)
        panel.set_xlabel(short(part.scale.param))
        if i % columns == 0:
            panel.set_ylabel(record.objective)


def size(record: Slices) -> tuple[float, float]:
    return 7.2, 2.3 * math.ceil(len(record.slices) / COLUMNS) + 0.1


def rows(record: Slices) -> list[dict[str, Any]]:
    return [
        {"param": part.scale.param, "trial": number, "place": place, "value": value}
        for part in record.slices
        for number, place, value in zip(part.numbers, part.places, part.values, strict=True)
    ]


def caption(record: Slices) -> str:
    text = "One point per completed trial; light trials came first, dark ones last."
    if record.left_out:
        text += f" The {record.left_out} least important parameters are left out."
    return text
