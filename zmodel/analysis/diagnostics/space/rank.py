"""Ranks over pairs of parameters: a few very bad values do not spoil them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from zmodel.analysis.diagnostics.space.joint import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, ranked, short
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Ranks"
QUESTION = "Where are the best and the worst trials?"
LEAST = 5
PARAMS = 3


@dataclass(frozen=True)
class RankPair:
    """`points`: places on both axes and rank from 0 (best) to 1 (worst), of trial `numbers`."""

    x: Scale
    y: Scale
    numbers: tuple[int, ...]
    points: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Ranks:
    pairs: tuple[RankPair, ...]


def data(study: StudyRecord) -> Ranks:
    need_scored(study, LEAST)
    trials = ranked(study)
    names = important(study, PARAMS)
    if len(names) < 2:
        raise Unavailable("needs two parameters that vary")
    pairs = []
    for a, b in combinations(names, 2):
        x, y = scale_of(study, a), scale_of(study, b)
        found = [(i, t) for i, t in enumerate(trials) if a in t.params and b in t.params]
        if len(found) < LEAST:
            continue
        last = max(1, len(trials) - 1)
        points = tuple((x.place(t.params[a]), y.place(t.params[b]), i / last) for i, t in found)
        pairs.append(RankPair(x, y, tuple(t.number for _, t in found), points))
    if not pairs:
        raise Unavailable(f"no two parameters were tried together in {LEAST} completed trials")
    return Ranks(tuple(pairs))


def draw(record: Ranks, ax: Axes) -> None:
    panels = style.panels(ax, 1, len(record.pairs))
    for panel, pair in zip(panels, record.pairs, strict=True):
        worst_first = sorted(pair.points, key=lambda p: -p[2])
        points = panel.scatter(
            [p[0] for p in worst_first],
            [p[1] for p in worst_first],
            c=[p[2] for p in worst_first],
            cmap="RdYlBu_r",
            vmin=0,
            vmax=1,
            s=20,
            edgecolors=style.MUTED,
            linewidths=0.3,
            rasterized=len(worst_first) > 150,
        )
        pair.x.apply(panel, "x")
        pair.y.apply(panel, "y")
        panel.set_xlabel(short(pair.x.param))
        panel.set_ylabel(short(pair.y.param))
    bar = panels[0].figure.colorbar(points, ax=panels, fraction=0.03, pad=0.02)
    bar.set_ticks([0, 0.5, 1], labels=["best", "median", "worst"])


def size(record: Ranks) -> tuple[float, float]:
    return (7.2, 2.7) if len(record.pairs) > 1 else (4.6, 3.2)


def rows(record: Ranks) -> list[dict[str, Any]]:
    return [
        {
            "trial": number,
            "x": pair.x.param,
            "y": pair.y.param,
            "x_place": x,
            "y_place": y,
            "rank": rank,
        }
        for pair in record.pairs
        for number, (x, y, rank) in zip(pair.numbers, pair.points, strict=True)
    ]


def caption(record: Ranks) -> str:
    return "One point per completed trial; blue are the best, red the worst by rank."
