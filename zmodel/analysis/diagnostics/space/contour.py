"""The value over pairs of parameters: a smoothed landscape under the trials."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, short, sign
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Landscape"
QUESTION = "Where in the space of the most important parameters are the good values?"
GRID = 40
BANDWIDTH = 0.12
LEAST = 10
PARAMS = 3
TICKS = (np.arange(GRID) + 0.5) / GRID


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
    pairs = []
    for a, b in combinations(important(study, PARAMS), 2):
        x, y = scale_of(study, a), scale_of(study, b)
        points = tuple(
            (x.unit(t.params[a]), y.unit(t.params[b]), float(t.value or 0.0))
            for t in trials
            if a in t.params and b in t.params
        )
        if len(points) >= LEAST:
            pairs.append(Landscape(x, y, points, _smooth(np.array(points))))
    if not pairs:
        raise Unavailable(f"no two parameters were tried together in {LEAST} completed trials")
    return Contours(objective_name(study), sign(study) > 0, tuple(pairs))


def _smooth(points: np.ndarray) -> np.ndarray:
    """Mean of the values weighted by a Gaussian kernel (Nadaraya-Watson) on a GRID x GRID grid."""
    wx, wy = (
        np.exp(-0.5 * ((TICKS[:, None] - points[None, :, axis]) / BANDWIDTH) ** 2)
        for axis in (0, 1)
    )
    weight = wy @ wx.T
    total = (wy * points[:, 2]) @ wx.T
    return np.where(weight > 0.1, total / np.maximum(weight, 1e-12), np.nan)


def draw(record: Contours, ax: Axes) -> None:
    panels = style.panels(ax, 1, len(record.pairs))
    # a few failures would take up the whole range of colours
    quantiles = (0.1, 1.0) if record.maximize else (0.0, 0.9)
    low, high = np.quantile([v for pair in record.pairs for *_, v in pair.points], quantiles)
    for panel, pair in zip(panels, record.pairs, strict=True):
        image = panel.imshow(
            pair.grid,
            origin="lower",
            extent=(0, 1, 0, 1),
            aspect="auto",
            cmap="viridis" if record.maximize else "viridis_r",
            vmin=low,
            vmax=high,
            rasterized=True,
        )
        x, y, _ = zip(*pair.points, strict=True)
        marks.dots(panel, x, y, "#000000", 9, hollow=True, alpha=1)
        for axis, scale in (("x", pair.x), ("y", pair.y)):
            axes.parameter_ticks(panel, scale, axis)
            getattr(panel, f"set_{axis}label")(short(scale.param))
        panel.grid(False)
    bar = panels[0].figure.colorbar(image, ax=panels, fraction=0.03, pad=0.02)
    bar.set_label(record.objective)


def size(record: Contours) -> tuple[float, float]:
    return (7.2, 2.7) if len(record.pairs) > 1 else (4.6, 3.2)


def rows(record: Contours) -> list[Row]:
    return [
        {
            "x": pair.x.param,
            "y": pair.y.param,
            "x_place": float(TICKS[j]),
            "y_place": float(TICKS[i]),
            "mean": float(pair.grid[i, j]),
        }
        for pair in record.pairs
        for i, j in np.argwhere(np.isfinite(pair.grid))
    ]


def caption(record: Contours) -> str:
    return (
        "Colour: kernel mean of the completed trials nearby, brighter is better; blank: no trial "
        "near. Circles: the trials."
    )
