"""Marks of figures: dots, rings, stacked bars, intervals, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.page import style
from zmodel.analysis.page.axes import clipped
from zmodel.analysis.statistics.depths import Depths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from numpy.typing import ArrayLike

# an SVG of more dots is slow to show: they become a picture inside it
MANY = 1500


def dots(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    color: Any = style.ACCENT,
    size: float = 18,
    *,
    hollow: bool = False,
    **more: Any,
) -> PathCollection:
    """One dot per trial. `color` is one colour; with `cmap` in `more`, a number per dot."""
    if "cmap" in more:
        look = {"c": color, "edgecolors": style.INK, "linewidths": 0.5}
    elif hollow:
        look = {"facecolors": "none", "edgecolors": color, "linewidths": 0.9}
    else:
        look = {"color": color, "linewidths": 0}
    return ax.scatter(
        x, y, s=size, **{"alpha": 0.7, "rasterized": np.size(x) > MANY, **look, **more}
    )


def trials(
    ax: Axes,
    x: Sequence[float],
    y: Sequence[float],
    numbers: Sequence[int],
    depths: Depths,
    size: float = 18,
    *,
    hollow: bool = False,
    **more: Any,
) -> None:
    """One dot per trial in the colour of its depth; the page tells what is known of each."""
    if not len(numbers):
        return
    known = style.colors_of(depths.labels)
    colors = [known.get(depths.of.get(number, ""), style.ACCENT) for number in numbers]
    look = {"facecolors": "none", "edgecolors": colors} if hollow else {"facecolors": colors}
    width = 0.9 if hollow else 0
    usual = {"alpha": 0.8, "linewidths": width, "rasterized": len(numbers) > MANY}
    drawn = ax.scatter(x, y, s=size, **{**usual, **look, **more})
    drawn.set_gid(f"trials {' '.join(map(str, numbers))}")


def depth_legend(ax: Axes, depths: Depths) -> None:
    """Entries of a legend that name the colours of the depths."""
    name = f"{clipped(depths.name, 16)} "
    for at, (label, color) in enumerate(style.colors_of(depths.labels).items()):
        text = clipped(label, 16) if at else name + clipped(label, 16)
        dots(ax, [], [], color, 24, alpha=0.9, label=text)


def ring(ax: Axes, x: float, y: float, label: str | None = None, size: float = 100) -> None:
    """A ring around one dot: the best trial."""
    dots(ax, [x], [y], style.SECOND, size, hollow=True, alpha=1, zorder=4, label=label)


def baseline(ax: Axes, value: float | None) -> None:
    """A line across at what the baseline reached; nothing where there is none."""
    if value is not None:
        look: style.Look = {"linestyle": "--", "linewidth": 1.2, "label": "baseline"}
        ax.axhline(value, color=style.MUTED, **look)


def interval(ax: Axes, at: float, low: float | None, high: float | None, **more: Any) -> None:
    """A vertical line from `low` to `high`; nothing where there is no interval."""
    if low is not None and high is not None:
        ax.vlines(at, low, high, **{"color": style.SECOND, "linewidth": 1.4, **more})


def stacked(
    ax: Axes,
    parts: Mapping[str, Sequence[float]],
    looks: Sequence[tuple[str, str]] = tuple(style.LOOKS.values()),
) -> list[float]:
    """Bars at 0, 1, 2, ... made of parts, with a colour and a hatch each; returns their heights.

    A part that is empty everywhere gets no entry in the legend.
    """
    tops = [0.0] * max(map(len, parts.values()))
    for (name, heights), (color, hatch) in zip(parts.items(), looks, strict=True):
        if any(heights):
            look: style.Look = {"color": color, "hatch": hatch, "edgecolor": "white"}
            ax.bar(range(len(tops)), heights, 0.72, tops, linewidth=0, label=name, **look)
            tops = [top + height for top, height in zip(tops, heights, strict=True)]
    return tops


def grouped(
    ax: Axes, groups: Sequence[Sequence[float]], colors: Sequence[str], labels: Sequence[str] = (),
    **more: Any,
) -> None:  # fmt: skip
    """Bars side by side at 0, 1, 2, ...: `groups[i][at]` is the i-th bar at place `at`."""
    width = 0.8 / max(1, len(groups))
    for i, heights in enumerate(groups):
        places = [at + (i - (len(groups) - 1) / 2) * width for at in range(len(heights))]
        look: style.Look = {"color": colors[i], "label": labels[i] if labels else None, **more}
        ax.bar(places, heights, width * 0.92, linewidth=0, **look)


def note(ax: Axes, at: float, height: float, text: str) -> None:
    """A small note centred just above a bar."""
    where: style.Look = {"ha": "center", "va": "bottom", "fontsize": 8}
    ax.annotate(text, (at, height), (0, 2), textcoords="offset points", **where)


def steps(ax: Axes, x: Sequence[float], y: Sequence[float], **more: Any) -> None:
    """A line that keeps its value until the next point: the best so far."""
    ax.step(x, y, where="post", **{"color": style.SECOND, **more})
