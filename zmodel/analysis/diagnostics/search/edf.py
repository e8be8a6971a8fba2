"""The empirical distribution of the values, over all completed trials and per depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.page import style
from zmodel.analysis.statistics.selection import (
    need_scored,
    objective_name,
    short,
    sign,
    structural,
)
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Distribution of values"
QUESTION = "What share of the trials reached at least a given value?"
SIZE = (7.2, 3.0)


@dataclass(frozen=True)
class Distribution:
    label: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Edf:
    """`distributions`: of all completed trials first, then per value of `param`; values sorted."""

    objective: str
    maximize: bool
    param: str | None
    labels: tuple[str, ...]
    distributions: tuple[Distribution, ...]


def data(study: StudyRecord) -> Edf:
    trials = need_scored(study, 2)
    param = structural(study)[0] if structural(study) else None
    groups = {"all": trials}
    if param:
        cells = cells_of(study, param)
        groups |= dict(zip(cells.labels, cells.split(trials), strict=True))
    found = [
        Distribution(label, tuple(sorted(float(t.value or 0.0) for t in group)))
        for label, group in groups.items()
        if group
    ]
    labels = cells.labels if param else ()
    return Edf(objective_name(study), sign(study) > 0, param, labels, tuple(found))


def draw(record: Edf, ax: Axes) -> None:
    colors = style.colors_of(record.labels)
    for part in record.distributions[1:]:
        _step(record, ax, part, colors[part.label], 1.4)
    _step(record, ax, record.distributions[0], style.INK, 2.4)
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:.0%}")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel(record.objective)
    ax.set_ylabel(f"trials {'at least' if record.maximize else 'at most'} this good")
    title = short(record.param) if record.param else None
    ax.legend(title=title, loc="center left", bbox_to_anchor=(1, 0.5))


def _step(record: Edf, ax: Axes, part: Distribution, color: str, width: float) -> None:
    n = len(part.values)
    shares = [(n - i) / n if record.maximize else (i + 1) / n for i in range(n)]
    ax.step(
        part.values,
        shares,
        where="pre" if record.maximize else "post",
        color=color,
        linewidth=width,
        label=part.label,
    )


def rows(record: Edf) -> list[dict[str, Any]]:
    return [
        {"of": part.label, "value": value, "rank": i + 1, "trials": len(part.values)}
        for part in record.distributions
        for i, value in enumerate(part.values)
    ]


def caption(record: Edf) -> str:
    values = record.distributions[0].values
    middle = values[len(values) // 2]
    return (
        f"{len(values)} completed trials, median {middle:.4g}. Further right is better."
        if (record.maximize)
        else f"{len(values)} completed trials, median {middle:.4g}. Further left is better."
    )
