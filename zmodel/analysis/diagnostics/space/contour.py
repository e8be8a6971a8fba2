"""The value over pairs of parameters: a smoothed landscape under the trials."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.diagnostics.space.joint import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, score, short, sign
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Landscape"
QUESTION = "Where in the space of the most important parameters are the good values?"
GRID = 40
BANDWIDTH = 0.12
LEAST = 10
PARAMS = 3


@dataclass(frozen=True)
class Landscape:
    """`points` (x, y in 0 ... 1, value); `grid[row][column]`: kernel mean, NaN where no trial is
    near; rows run along y."""

    x: Scale
    y: Scale
    points: tuple[tuple[float, float, float], ...]
    grid: np.ndarray


@dataclass(frozen=True)
class Contours:
    objective: str
    maximize: bool
    pairs: tuple[Landscape, ...]


def data(study: StudyRecord) -> Contours:
    trials = need_scored(study, LEAST)
    names = important(study, PARAMS)
    pairs = []
    for a, b in combinations(names, 2):
        x, y = scale_of(study, a), scale_of(study, b)
        points = tuple(
            (x.unit(t.params[a]), y.unit(t.params[b]), float(score(study, t) or 0.0))
            for t in trials
            if a in t.params and b in t.params
        )
        if len(points) < LEAST:
            continue
        pairs.append(Landscape(x, y, points, sign(study) * _smooth(np.array(points))))
    if not pairs:
        raise Unavailable(f"no two parameters were tried together in {LEAST} completed trials")
    return Contours(objective_name(study), sign(study) > 0, tuple(pairs))


def _smooth(points: np.ndarray) -> np.ndarray:
    """Mean of the values weighted by a Gaussian kernel (Nadaraya-Watson) on a GRID x GRID grid."""
    ticks = (np.arange(GRID) + 0.5) / GRID
    wx = np.exp(-0.5 * ((ticks[:, None] - points[None, :, 0]) / BANDWIDTH) ** 2)
    wy = np.exp(-0.5 * ((ticks[:, None] - points[None, :, 1]) / BANDWIDTH) ** 2)
    weight = wy @ wx.T
    total = (wy * points[:, 2]) @ wx.T
    return np.where(weight > 0.1, total / np.maximum(weight, 1e-12), np.nan)


def draw(record: Contours, ax: Axes) -> None:
    panels = style.panels(ax, 1, len(record.pairs))
    for panel, pair in zip(panels, record.pairs, strict=True):
        values = [v for *_, v in pair.points]
        # a few failures would take up the whole range of colours
        low, high = np.quantile(values, [0.1, 1.0])
        limits = sorted((low, high)) if record.maximize else sorted((-low, -high))
        cmap = "viridis" if record.maximize else "viridis_r"
        image = panel.imshow(
            pair.grid,
            origin="lower",
            extent=(0, 1, 0, 1),
            aspect="auto",
            cmap=cmap,
            vmin=limits[0],
            vmax=limits[1],
            rasterized=True,
        )
        panel.scatter(
            [p[0] for p in pair.points],
            [p[1] for p in pair.points],
            s=9,
            facecolors="none",
            edgecolors="#000000",
            linewidths=0.6,
            rasterized=len(values) > 150,
        )
        _ticks(panel, pair.x, "x")
        _ticks(panel, pair.y, "y")
        panel.grid(False)
        panel.set_xlabel(short(pair.x.param))
        panel.set_ylabel(short(pair.y.param))
    bar = panels[0].figure.colorbar(image, ax=panels, fraction=0.03, pad=0.02)
    bar.set_label(record.objective)


def _ticks(ax: Axes, scale: Scale, axis: str) -> None:
    one = getattr(ax, f"{axis}axis")
    if scale.choices is not None:
        shown = list(enumerate(scale.choices))[:12]
        one.set_ticks([i / max(1, len(scale.choices) - 1) for i, _ in shown])
        one.set_ticklabels([c[:10] for _, c in shown])
        return
    if scale.log:
        ticks = np.geomspace(scale.low, scale.high, 4)
    elif scale.integer and scale.high - scale.low <= 8:
        ticks = np.arange(scale.low, scale.high + 1)
    else:
        ticks = np.linspace(scale.low, scale.high, 4)
    one.set_ticks([scale.unit(t) for t in ticks])
    one.set_ticklabels([f"{t:.2g}" for t in ticks])


def size(record: Contours) -> tuple[float, float]:
    return (7.2, 2.7) if len(record.pairs) > 1 else (4.6, 3.2)


def rows(record: Contours) -> list[dict[str, Any]]:
    ticks = (np.arange(GRID) + 0.5) / GRID
    return [
        {
            "x": pair.x.param,
            "y": pair.y.param,
            "x_place": float(ticks[j]),
            "y_place": float(ticks[i]),
            "mean": float(pair.grid[i, j]),
        }
        for pair in record.pairs
        for i in range(GRID)
        for j in range(GRID)
        if np.isfinite(pair.grid[i, j])
    ]


def caption(record: Contours) -> str:
    return (
        "Colour: kernel mean of the completed trials nearby, brighter is better; blank: no trial "
        "near. Circles: the trials."
    )
