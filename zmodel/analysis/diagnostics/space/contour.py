"""Smoothed landscape of the value over pairs of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.diagnostics.space.importance import important
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.page.value_axis import error_floor, error_ticks
from zmodel.analysis.statistics.scale import Scale, scale_of
from zmodel.analysis.statistics.selection import need_scored, objective_name, sign
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

TITLE = "Landscape"
QUESTION = "Where in the space of the most important parameters are the good values?"
GRID = 40
BANDWIDTH = 0.12
LEAST = 10
PARAMS = 3
CROWD = 200
"""From so many trials on their circles are small, or they would hide the landscape."""
PAIRS = 2
"""So many are drawn; on the page a reader chooses any two."""


@dataclass(frozen=True)
class Landscape:
    """Values over a pair of parameters.

    `points` (x, y in 0 ... 1, value) of `trials`; `grid[row][column]`: kernel mean, NaN where no
    trial is near; rows run along y."""

    x: Scale
    y: Scale
    trials: tuple[int, ...]
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
        found = [t for t in trials if a in t.params and b in t.params]
        if len(found) < LEAST:
            continue
        points = tuple((x.unit(t.params[a]), y.unit(t.params[b]), t.value or 0.0) for t in found)
        grid = _smooth(np.array(points), x, y)
        pairs.append(Landscape(x, y, tuple(t.number for t in found), points, grid))
    if not pairs:
        raise Unavailable(f"no two parameters were tried together in {LEAST} completed trials")
    return Contours(objective_name(study), sign(study) > 0, tuple(pairs[:PAIRS]))


def _smooth(points: np.ndarray, x: Scale, y: Scale) -> np.ndarray:
    """Mean of the values weighted by a Gaussian kernel (Nadaraya-Watson), at the ticks.

    Between two integers or categories there is nothing: each has the mean of its own trials.
    """
    wx, wy = (_weights(points[:, axis], scale) for axis, scale in enumerate((x, y)))
    weight = wy @ wx.T
    total = (wy * points[:, 2]) @ wx.T
    return np.where(weight > 0.1, total / np.maximum(weight, 1e-12), np.nan)


def _weights(places: np.ndarray, scale: Scale) -> np.ndarray:
    distance = ticks_of(scale)[:, None] - places[None, :]
    if scale.steps:
        return (np.abs(distance) < 1e-9).astype(float)
    return np.exp(-0.5 * (distance / BANDWIDTH) ** 2)


def ticks_of(scale: Scale) -> np.ndarray:
    """Places at which the landscape is known."""
    steps = scale.steps
    return (np.arange(GRID) + 0.5) / GRID if steps is None else np.array(steps)


def _edges(scale: Scale) -> np.ndarray:
    """Where the cells around the ticks begin and end."""
    ticks = ticks_of(scale)
    if scale.steps is None or len(ticks) < 2:
        return np.linspace(0, 1, len(ticks) + 1)
    middle = (ticks[1:] + ticks[:-1]) / 2
    return np.array([2 * ticks[0] - middle[0], *middle, 2 * ticks[-1] - middle[-1]])


def draw(record: Contours, ax: Axes) -> None:
    panels = style.panels(ax, 1, len(record.pairs))
    # a few failures would take up the whole range of colours
    quantiles = (0.1, 1.0) if record.maximize else (0.0, 0.9)
    low, high = np.quantile([v for pair in record.pairs for *_, v in pair.points], quantiles)
    floor = error_floor((low, high), record.maximize)
    norm = _norm(float(low), float(high), floor)
    cmap = "viridis" if record.maximize else "viridis_r"
    for panel, pair in zip(panels, record.pairs, strict=True):
        image = panel.pcolormesh(
            _edges(pair.x), _edges(pair.y), pair.grid, cmap=cmap, norm=norm, rasterized=True
        )
        x, y, value = zip(*pair.points, strict=True)
        look: style.Look = {
            "cmap": cmap,
            "norm": norm,
            "alpha": 1,
            "size": 16 if len(x) < CROWD else 5,
        }
        marks.dots(panel, x, y, value, **look).set_gid(f"trials {' '.join(map(str, pair.trials))}")
        for axis, scale in (("x", pair.x), ("y", pair.y)):
            axes.parameter_ticks(panel, scale, axis)
            getattr(panel, f"set_{axis}label")(axes.parameter_name(scale))
        panel.grid(False)
    bar = panels[0].figure.colorbar(image, ax=panels, fraction=0.04, pad=0.02)
    bar.set_label(record.objective)
    if floor is not None:
        ticks = error_ticks(floor, 1 - float(low))
        bar.set_ticks(ticks, labels=[f"{tick:.6g}" for tick in ticks])


def _norm(low: float, high: float, floor: float | None) -> Normalize:
    """Colours by the errors where values are near 1, as on every axis of the page."""
    from matplotlib.colors import FuncNorm, Normalize

    if floor is None:
        return Normalize(low, high)

    def forward(value: Any) -> Any:
        return -np.log10(np.maximum(1 - np.asarray(value, dtype=float), floor))

    return FuncNorm((forward, lambda place: 1 - 10.0 ** -np.asarray(place)), low, high)


def size(record: Contours) -> tuple[float, float]:
    return style.WIDTH, 3.0


def rows(record: Contours) -> list[Row]:
    return [
        {
            "x": pair.x.param,
            "y": pair.y.param,
            "x_place": float(ticks_of(pair.x)[j]),
            "y_place": float(ticks_of(pair.y)[i]),
            "mean": float(pair.grid[i, j]),
        }
        for pair in record.pairs
        for i, j in np.argwhere(np.isfinite(pair.grid))
    ]


def caption(record: Contours) -> str:
    return (
        "Colour: mean of the completed trials nearby, brighter is better; integers and categories "
        "are not smoothed. Blank: no trial near. Circles: the trials themselves."
    )
