"""Learning curves: the best trial's losses and accuracies, and the mean over trials per depth.

A completed trial that stopped early keeps its last value in the means: leaving it out would make
them jump to whichever trials happen to be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.selection import best, objective_name, short, structural
from zmodel.analysis.statistics.steps import at, grid
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import read_metrics, run_folder
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Learning curves"
QUESTION = "How did the best trial learn, and how do the depths learn on average?"
SIZE = (7.2, 6.0)
PAIRS = (("loss", "train/loss", "val/loss"), ("accuracy", "train/acc", "val/acc"))
# reading one small file per trial: more of them would not change the means, only take longer
MOST_FILES = 200
REPORTED = "reported"
ALL = "all trials"


@dataclass(frozen=True)
class Band:
    """A metric of one depth by epoch (0-based): mean and standard deviation over `trials`, and how
    many of them still ran."""

    label: str
    metric: str
    trials: int
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    running: tuple[int, ...]


@dataclass(frozen=True)
class Curves:
    """`best` maps metric -> epoch -> value; `bands` hold every depth for every metric drawn."""

    objective: str
    param: str | None
    labels: tuple[str, ...]
    best_number: int
    best: dict[str, dict[int, float]]
    best_epoch: int | None
    bands: tuple[Band, ...]
    sampled: int


def data(study: StudyRecord) -> Curves:
    winner = best(study)
    folder = run_folder(study, winner)
    curves = read_metrics(folder) if folder else {}
    if winner.curve:
        curves[REPORTED] = dict(winner.curve)
    ended = [t for t in study.trials if t.state == "complete"]
    params = structural(study)
    param = params[0] if params else None
    bands, sampled = _bands(study, param, ended)
    if not curves and not bands:
        raise Unavailable("no trial reported a value per epoch and no csv/metrics.csv was found")
    return Curves(
        objective_name(study),
        param,
        cells_of(study, param).labels if param else (ALL,),
        winner.number,
        curves,
        attr(winner, "best_epoch"),
        bands,
        sampled,
    )


def _bands(
    study: StudyRecord, param: str | None, trials: Sequence[TrialRecord]
) -> tuple[tuple[Band, ...], int]:
    if param is None:
        groups = [(ALL, list(trials))]
    else:
        cells = cells_of(study, param)
        groups = list(zip(cells.labels, cells.split(trials), strict=True))
    chosen = set(_sample([t.number for _, group in groups for t in group]))
    files = {n: _files(study, t) for _, group in groups for t in group if (n := t.number) in chosen}
    bands = [
        band
        for label, group in groups
        for metric in ("train/loss", "val/loss", "train/acc", "val/acc", REPORTED)
        if (band := _band(label, metric, [_curve(t, metric, files) for t in group]))
    ]
    return tuple(bands), len(chosen)


def _sample(numbers: list[int]) -> list[int]:
    if len(numbers) <= MOST_FILES:
        return numbers
    return list(np.random.default_rng(0).choice(numbers, MOST_FILES, replace=False))


def _files(study: StudyRecord, trial: TrialRecord) -> dict[str, dict[int, float]]:
    folder = run_folder(study, trial)
    return read_metrics(folder) if folder else {}


def _curve(
    trial: TrialRecord, metric: str, files: dict[int, dict[str, dict[int, float]]]
) -> dict[int, float]:
    return trial.curve if metric == REPORTED else files.get(trial.number, {}).get(metric, {})


def _band(label: str, metric: str, curves: list[dict[int, float]]) -> Band | None:
    curves = [c for c in curves if c]
    if not curves:
        return None
    epochs = grid(curves)
    filled = np.array([at(curve, epochs, np.nan) for curve in curves])
    last = np.array([max(curve) for curve in curves])
    running = (last[:, None] >= epochs).sum(axis=0)
    # epochs before the first report of any trial stay empty
    kept = np.flatnonzero(np.isfinite(filled).all(axis=0))
    return Band(
        label,
        metric,
        len(curves),
        tuple(map(int, epochs[kept])),
        tuple(map(float, filled[:, kept].mean(axis=0))),
        tuple(map(float, filled[:, kept].std(axis=0))),
        tuple(map(int, running[kept])),
    )


def draw(record: Curves, ax: Axes) -> None:
    if any(metric in record.best for _, *pair in PAIRS for metric in pair):
        loss, accuracy, below_left, below_right = style.panels(ax, 2, 2)
        for panel, pair in zip((loss, accuracy), PAIRS, strict=True):
            _draw_best(record, panel, *pair)
        _draw_bands(record, below_left, "val/loss", "validation loss")
        _draw_bands(record, below_right, "val/acc", "validation accuracy")
        return
    upper, lower = style.panels(ax, 2, 1)
    _draw_line(record, upper, REPORTED, record.objective, style.SECOND)
    upper.set_title(f"best trial ({record.best_number})")
    upper.set_xlabel("epoch")
    _draw_bands(record, lower, REPORTED, record.objective)


def _draw_best(record: Curves, ax: Axes, name: str, train: str, val: str) -> None:
    _draw_line(record, ax, train, "train", style.ACCENT)
    _draw_line(record, ax, val, "validation", style.SECOND)
    if record.best_epoch is not None:
        ax.axvline(
            record.best_epoch + 1, color=style.MUTED, linewidth=1, linestyle=":", label="best epoch"
        )
    ax.set_title(f"{name}, best trial ({record.best_number})")
    ax.set_xlabel("epoch")
    ax.legend()


def _draw_line(record: Curves, ax: Axes, metric: str, label: str, color: str) -> None:
    points = sorted(record.best.get(metric, {}).items())
    ax.plot([e + 1 for e, _ in points], [v for _, v in points], color=color, label=label)


def _draw_bands(record: Curves, ax: Axes, metric: str, name: str) -> None:
    bands = [b for b in record.bands if b.metric == metric]
    colors = style.colors_of(record.labels)
    for band in bands:
        low = np.subtract(band.mean, band.std)
        high = np.add(band.mean, band.std)
        epochs = np.add(band.epochs, 1)
        ax.plot(epochs, band.mean, color=colors[band.label], label=band.label)
        ax.fill_between(epochs, low, high, color=colors[band.label], alpha=0.12, linewidth=0)
    by = f" by {short(record.param)}" if record.param else ""
    ax.set_title(f"{name}{by}: mean ± sd")
    ax.set_xlabel("epoch")
    if bands:
        ax.legend(ncols=2 if len(bands) > 4 else 1)


def rows(record: Curves) -> list[dict[str, Any]]:
    own = [
        {"of": f"trial {record.best_number}", "metric": metric, "epoch": epoch + 1, "mean": value}
        for metric, curve in record.best.items()
        for epoch, value in sorted(curve.items())
    ]
    means = [
        {
            "of": band.label,
            "metric": band.metric,
            "epoch": epoch + 1,
            "mean": mean,
            "std": std,
            "trials": running,
        }
        for band in record.bands
        for epoch, mean, std, running in zip(
            band.epochs, band.mean, band.std, band.running, strict=True
        )
    ]
    return own + means


def caption(record: Curves) -> str:
    first = "Upper row" if len(record.best) > 1 else "Top"
    text = (
        f"{first}: the best trial. Below: mean and standard deviation over the completed trials "
        "of each depth; a trial that stopped keeps its last value."
    )
    if record.sampled == MOST_FILES:
        text += f" The files of {MOST_FILES} trials, drawn at random, were read."
    return text
