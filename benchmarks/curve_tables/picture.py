"""Draws, for every setting and budget, our rule beside the usual ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from curve_tables.replay import Result, difference
from curve_tables.report import GOAL, OUR_RULE, ByBudget, best_usual
from zmodel.analysis.page import render, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (9.0, 6.6)
TICKS = (-0.03, -0.01, -0.005, 0, 0.005, 0.01, 0.03)


def save(settings: Mapping[str, ByBudget], path: Path) -> None:
    render.draw(sys.modules[__name__], settings).savefig(path, facecolor="white")


def draw(settings: Mapping[str, ByBudget], ax: Axes) -> None:
    """A line per budget, the smallest on top: what our rule gains, and its 90 % interval."""
    left, right = style.panels(ax, 1, 2)
    for panel, title, is_complete in (
        (left, "against the best usual rule", False),
        (right, "against the best that completes every depth", True),
    ):
        if not is_complete:
            panel.axvspan(-GOAL, GOAL, color=style.MUTED, alpha=0.15, linewidth=0)
        panel.axvline(0, color=style.MUTED, linewidth=0.8)
        for place, by_budget in enumerate(settings.values()):
            for k, results in enumerate(by_budget.values()):
                _point(panel, place + 0.22 * (k - 1), results, is_complete)
        panel.set_xscale("symlog", linthresh=0.01, linscale=1.5)
        panel.set_xticks(TICKS, [f"{tick:g}".replace("0.", ".") for tick in TICKS])
        panel.set_xlim(-0.08, 0.08)
        panel.minorticks_off()
        panel.set_ylim(len(settings) - 0.5, -0.5)
        panel.set_xlabel("difference in test accuracy")
        panel.set_title(title)
    left.set_yticks(range(len(settings)), list(settings))
    right.set_yticks(range(len(settings)), [""] * len(settings))


def _point(panel: Axes, place: float, results: Mapping[str, Result], is_complete: bool) -> None:
    best = best_usual(results, is_complete)
    if best is None:
        return
    mean, half = difference(results[OUR_RULE], results[best])
    color = style.SECOND if mean < -GOAL and not is_complete else style.ACCENT
    panel.errorbar(mean, place, xerr=half, color=color, fmt="o", markersize=3.5, linewidth=1.1)
