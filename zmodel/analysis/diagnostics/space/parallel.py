"""Parallel coordinates: one line per completed trial through all its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.space.joint import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, ranked, short
from zmodel.study.cells import value_label
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Parallel coordinates"
QUESTION = "What do the best trials have in common?"
MOST_PARAMS = 10
MOST_TRIALS = 400
BEST_SHARE = 0.1


@dataclass(frozen=True)
class Line:
    number: int
    value: float
    places: tuple[float, ...]
    best: bool


@dataclass(frozen=True)
class Parallel:
    """Lines, best first; `places` in 0 ... 1 follow `scales`, then the value itself."""

    objective: str
    scales: tuple[Scale, ...]
    low: float
    high: float
    lines: tuple[Line, ...]


def data(study: StudyRecord) -> Parallel:
    need_scored(study, 3)
    names = important(study, MOST_PARAMS)
    if len(names) < 2:
        raise Unavailable("needs two parameters that vary")
    scales = tuple(scale_of(study, name) for name in names)
    trials = [t for t in ranked(study) if all(name in t.params for name in names)][:MOST_TRIALS]
    if not trials:
        raise Unavailable("no completed trial has all of the parameters")
    values = [float(t.value or 0.0) for t in trials]
    low, high = min(values), max(values)
    top = max(3, round(BEST_SHARE * len(trials)))
    lines = tuple(
        Line(
            t.number,
            value,
            (
                *(s.unit(t.params[s.param]) for s in scales),
                (value - low) / (high - low) if high > low else 0.5,
            ),
            i < top,
        )
        for i, (t, value) in enumerate(zip(trials, values, strict=True))
    )
    return Parallel(objective_name(study), scales, low, high, lines)


def draw(record: Parallel, ax: Axes) -> None:
    from matplotlib.collections import LineCollection

    places = range(len(record.scales) + 1)
    many = len(record.lines) > 100
    for best, color, alpha, width in (
        (False, style.STATE["waiting"], 0.45, 0.8),
        (True, style.SECOND, 0.85, 1.5),
    ):
        lines = [list(enumerate(line.places)) for line in record.lines if line.best == best]
        ax.add_collection(
            LineCollection(lines, colors=color, alpha=alpha, linewidths=width, rasterized=many)
        )
    for at, scale in enumerate(record.scales):
        ends = (value_label(scale.low), value_label(scale.high))
        if scale.choices is not None:
            ends = (scale.choices[0][:12], scale.choices[-1][:12])
        elif scale.integer:
            ends = (f"{scale.low:.0f}", f"{scale.high:.0f}")
        _axis(ax, at, *ends)
    _axis(ax, len(record.scales), f"{record.low:.3g}", f"{record.high:.3g}")
    names = [*(short(s.param) for s in record.scales), record.objective]
    ax.set_xticks(
        places,
        [n if len(n) < 14 else n[:12] + "…" for n in names],
        rotation=20 if len(names) > 6 else 0,
        ha="right" if len(names) > 6 else "center",
    )
    ax.tick_params(axis="x", length=0, pad=14)
    ax.set_yticks([])
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlim(-0.15, len(record.scales) + 0.15)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.grid(False)
    ax.plot([], [], color=style.SECOND, label="best tenth")
    ax.plot([], [], color=style.STATE["waiting"], label="other completed trials")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.06), ncols=2, borderaxespad=0.2)


def _axis(ax: Axes, at: int, low: str, high: str) -> None:
    ax.axvline(at, color=style.MUTED, linewidth=0.8)
    for y, text, shift, align in ((0, low, -3, "top"), (1, high, 3, "bottom")):
        ax.annotate(
            text,
            (at, y),
            (0, shift),
            textcoords="offset points",
            ha="center",
            va=align,
            fontsize=8,
            color=style.MUTED,
            annotation_clip=False,
        )


def rows(record: Parallel) -> list[dict[str, Any]]:
    names = [*(s.param for s in record.scales), record.objective]
    return [
        {
            "trial": line.number,
            "value": line.value,
            "best_tenth": line.best,
            **{f"place_{n}": p for n, p in zip(names, line.places, strict=True)},
        }
        for line in record.lines
    ]


def caption(record: Parallel) -> str:
    return (
        f"{len(record.lines)} completed trials; where the best tenth runs through one point, a "
        "parameter is settled, where it fans out, it does not matter or was not settled."
    )
