"""Learning curves of the best trial, and medians per depth.

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
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.selection import (
    best,
    by_depth,
    curve_name,
    drawn,
    fixed,
    short,
    structural,
)
from zmodel.analysis.statistics.steps import at, grid
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import read_metrics, run_folder
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning curves"
QUESTION = "How did the best trial learn, and how do the depths learn?"
SIZE = (style.WIDTH, 4.8)
LOSS = ("loss", "train/loss", "val/loss")
SCORES = (("accuracy", "train/acc", "val/acc"), ("mse", "train/mse", "val/mse"))
"""Beside the loss is drawn the first of these that the best trial logged."""
# reading one small file per trial: more of them would not change the medians, only take longer
MOST_FILES = 200
REPORTED = "reported"
SMOOTHING = "label_smoothing"
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
    smoothing: float = 0.0
    """Of the labels, in the training loss of the best trial."""

    @property
    def missing(self) -> list[str]:
        """Depths without a curve: none of their trials completed."""
        drawn = {band.label for band in self.bands}
        return [label for label in self.labels if label not in drawn]


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
        _smoothing(study, winner),
    )


def _smoothing(study: StudyRecord, winner: TrialRecord) -> float:
    searched = (v for name, v in winner.params.items() if name.endswith(SMOOTHING))
    found = next(searched, fixed(study, SMOOTHING))
    return float(found) if isinstance(found, int | float) else 0.0


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
        for panel in panels[:3:2]:  # the colours are the same on the right
            axes.legend(panel, loc="upper right", fontsize=8)
        return
    top, bottom = style.panels(ax, 2, 1)
    _draw_best(record, top, record.objective, {REPORTED: record.objective})
    _draw_bands(record, bottom, REPORTED, record.objective)
    axes.legend_above(bottom)


def _scale(ax: Axes, name: str, values: Sequence[float]) -> None:
    """Accuracies near 1 by their errors; nothing else that is drawn here lies in 0 to 1."""
    value_axis(ax, name, values, maximize="loss" not in name and "mse" not in name)
    ax.yaxis.label.set_fontsize(8.5)


def _draw_best(record: Curves, ax: Axes, name: str, labels: dict[str, str]) -> None:
    for (metric, label), color in zip(labels.items(), (style.TRAIN, style.ACCENT), strict=False):
        curve = record.best.get(metric, {})
        smoothed = ", smoothed labels" if record.smoothing and metric == LOSS[1] else ""
        look: style.Look = {"color": color, "label": f"{label}{smoothed}"}
        ax.plot(list(curve), list(curve.values()), **look)
    if record.best_epoch is not None:
        edge: style.Look = {"color": style.MUTED, "linewidth": 1, "linestyle": ":"}
        ax.axvline(record.best_epoch, label="best epoch", **edge)
    _scale(ax, name, [v for metric in labels for v in record.best.get(metric, {}).values()])
    ax.set_title(f"best trial ({record.best_number})")
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")


def _draw_bands(record: Curves, ax: Axes, metric: str, name: str) -> None:
    bands = [b for b in record.bands if b.metric == metric]
    colors = style.colors_of(record.labels)
    for band in bands:
        epochs, color = [s.epoch for s in band.steps], colors[band.label]
        place = f"depth {record.labels.index(band.label)}"
        (line,) = ax.plot(epochs, [s.median for s in band.steps], color=color, label=band.label)
        line.set_gid(place)
        edges = [s.low for s in band.steps], [s.high for s in band.steps]
        ax.fill_between(epochs, *edges, color=color, alpha=0.12, linewidth=0).set_gid(place)
    by = f" by {short(record.param)}" if record.param else ""
    _scale(ax, name, [value for b in bands for s in b.steps for value in (s.low, s.high)])
    ax.set_title(f"median{by}")
    axes.whole_numbers(ax, "x")
    ax.set_xlabel("epoch")


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
    if record.smoothing and LOSS[1] in record.best:
        text += (
            f" The training loss is measured with labels smoothed by {record.smoothing:g}, so it "
            "stays above 0 even when every answer is right: compare its course with the validation "
            "loss, not its height."
        )
    if record.missing:
        text += f" Not drawn, for no trial completed: {', '.join(record.missing)}."
    if record.files == MOST_FILES:
        text += f" The files of {MOST_FILES} trials, drawn at random, were read."
    return text
