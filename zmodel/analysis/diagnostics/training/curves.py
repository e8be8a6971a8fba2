"""Learning curves: the best trial's losses and accuracies, and the median over trials per depth.

A completed trial that stopped early keeps its last value in the medians: leaving it out would make
them jump to whichever trials happen to be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.selection import (
    best,
    by_depth,
    curve_name,
    drawn,
    short,
    structural,
)
from zmodel.analysis.statistics.steps import at, grid
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import read_metrics, run_folder
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning curves"
QUESTION = "How did the best trial learn, and how do the depths learn?"
SIZE = (7.2, 6.0)
LOSS = ("loss", "train/loss", "val/loss")
SCORES = (("accuracy", "train/acc", "val/acc"), ("mse", "train/mse", "val/mse"))
"""Beside the loss is drawn the first of these that the best trial logged."""
# reading one small file per trial: more of them would not change the medians, only take longer
MOST_FILES = 200
REPORTED = "reported"
METRICS = (*LOSS[1:], *(metric for _, *pair in SCORES for metric in pair), REPORTED)


@dataclass(frozen=True)
class Quartiles:
    """A metric at one epoch: median and quartiles, and how many of the trials still ran."""

    epoch: int
    median: float
    low: float
    high: float
    running: int


@dataclass(frozen=True)
class Band:
    """A metric of the trials of one depth by epoch."""

    label: str
    metric: str
    steps: tuple[Quartiles, ...]


@dataclass(frozen=True)
class Curves:
    """Epochs are counted from 1. `best`: metric -> epoch -> value of the best trial; `bands`:
    every depth of `labels` for every metric."""

    objective: str
    param: str | None
    labels: tuple[str, ...]
    best_number: int
    best: dict[str, dict[int, float]]
    best_epoch: int | None
    bands: tuple[Band, ...]
    files: int


def data(study: StudyRecord) -> Curves:
    winner, ended = best(study), [t for t in study.trials if t.state == "complete"]
    groups = by_depth(study, ended)
    curves = {t.number: {REPORTED: t.curve} for t in ended}
    read = drawn(ended, MOST_FILES)
    for trial in {t.number: t for t in (winner, *read)}.values():
        folder = run_folder(study, trial)
        curves[trial.number] |= read_metrics(folder) if folder else {}
    own = {
        metric: {epoch + 1: value for epoch, value in sorted(curve.items())}
        for metric, curve in curves[winner.number].items()
        if curve
    }
    bands = tuple(
        Band(label, metric, _steps(found))
        for label, group in groups.items()
        for metric in METRICS
        if (found := [c for t in group if (c := curves[t.number].get(metric))])
    )
    if not own and not bands:
        raise Unavailable("no trial reported a value per epoch and no csv/metrics.csv was found")
    epoch = attr(winner, "best_epoch")
    return Curves(
        curve_name(study),
        next(iter(structural(study)), None),
        tuple(groups),
        winner.number,
        own,
        None if epoch is None else epoch + 1,
        bands,
        len(read),
    )


def _steps(curves: Sequence[dict[int, float]]) -> tuple[Quartiles, ...]:
    """Epochs before the first report of any trial stay out."""
    epochs = grid(curves)
    filled = np.array([at(curve, epochs, np.nan) for curve in curves])
    last = np.array([max(curve) for curve in curves])
    low, median, high = np.quantile(filled, (0.25, 0.5, 0.75), axis=0)
    running = (last[:, None] >= epochs).sum(axis=0)
    return tuple(
        Quartiles(
            int(epochs[i]) + 1, float(median[i]), float(low[i]), float(high[i]), int(running[i])
        )
        for i in np.flatnonzero(np.isfinite(filled).all(axis=0))
    )


def draw(record: Curves, ax: Axes) -> None:
    if any(metric in record.best for metric in METRICS[:-1]):
        found = [pair for pair in SCORES if any(metric in record.best for metric in pair)]
        own = (record.objective, REPORTED, REPORTED)  # of a module with other metrics
        pairs = (LOSS, (*found, own)[0])
        panels = style.panels(ax, 2, 2)
        for upper, lower, (name, train, val) in zip(panels[:2], panels[2:], pairs, strict=True):
            _draw_best(record, upper, name, {train: "train", val: "validation"})
            _draw_bands(record, lower, val, name if val == REPORTED else f"validation {name}")
        return
    top, bottom = style.panels(ax, 2, 1)
    _draw_best(record, top, record.objective, {REPORTED: record.objective})
    _draw_bands(record, bottom, REPORTED, record.objective)


def _draw_best(record: Curves, ax: Axes, name: str, labels: dict[str, str]) -> None:
    for (metric, label), color in zip(labels.items(), (style.ACCENT, style.SECOND), strict=False):
        curve = record.best.get(metric, {})
        ax.plot(list(curve), list(curve.values()), color=color, label=label)
    if record.best_epoch is not None:
        look: style.Look = {"color": style.MUTED, "linewidth": 1, "linestyle": ":"}
        ax.axvline(record.best_epoch, label="best epoch", **look)
    ax.set_title(f"{name}, best trial ({record.best_number})")
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")
    axes.legend(ax)


def _draw_bands(record: Curves, ax: Axes, metric: str, name: str) -> None:
    bands = [b for b in record.bands if b.metric == metric]
    colors = style.colors_of(record.labels)
    for band in bands:
        epochs, color = [s.epoch for s in band.steps], colors[band.label]
        ax.plot(epochs, [s.median for s in band.steps], color=color, label=band.label)
        edges = [s.low for s in band.steps], [s.high for s in band.steps]
        ax.fill_between(epochs, *edges, color=color, alpha=0.12, linewidth=0)
    by = f" by {short(record.param)}" if record.param else ""
    ax.set_title(f"{name}{by}")
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")
    if bands:
        axes.legend(ax, ncols=2 if len(bands) > 4 else 1)


def rows(record: Curves) -> list[Row]:
    own: list[Row] = [
        {"of": f"trial {record.best_number}", "metric": metric, "epoch": epoch, "median": value}
        for metric, curve in record.best.items()
        for epoch, value in curve.items()
    ]
    return own + [
        {"of": band.label, "metric": band.metric, **flat(step)}
        for band in record.bands
        for step in band.steps
    ]


def caption(record: Curves) -> str:
    first = "Upper row" if len(record.best) > 1 else "Top"
    text = (
        f"{first}: the best trial. Below: median and quartiles over the completed trials of each "
        "depth; a trial that stopped keeps its last value."
    )
    if record.files == MOST_FILES:
        text += f" The files of {MOST_FILES} trials, drawn at random, were read."
    return text
