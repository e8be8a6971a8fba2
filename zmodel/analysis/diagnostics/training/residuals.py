"""The best trial's predicted against true values on validation data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import best
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import read_result, run_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Residuals"
QUESTION = "How far are the best trial's predictions from the measured values, and where?"
MOST_TARGETS = 3
"""So many are drawn; the table has all."""
PARTS = 5
"""Of the true values, small to large, for each of which an error is drawn."""


@dataclass(frozen=True)
class Residuals:
    """`true` and `predicted` are (N, T), of samples of one split."""

    number: int
    split: str
    targets: tuple[str, ...]
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]

    def error_by_size(self, target: int) -> list[tuple[float, float]]:
        """(mean true value, root mean squared error) of PARTS parts of the samples, from small to
        large true values."""
        true, error = self.true[:, target], (self.predicted - self.true)[:, target]
        parts = np.array_split(np.argsort(true, kind="stable"), min(PARTS, len(true)))
        return [(float(true[p].mean()), float(np.sqrt((error[p] ** 2).mean()))) for p in parts]


def data(study: StudyRecord) -> Residuals:
    trial = best(study)
    folder = run_folder(study, trial)
    if folder is None:
        raise Unavailable(f"the run folder of the best trial ({trial.number}) was not found")
    result = read_result(folder)
    if "confusion_matrix" in result:
        raise Unavailable("the targets are classes, see the confusion matrix")
    found = result.get("predictions")
    if not isinstance(found, dict):
        raise Unavailable(f"{folder / 'result.json'} holds no predictions of measured targets")
    try:
        true, predicted = (np.array(found[key], dtype=float) for key in ("true", "predicted"))
        targets = tuple(str(name) for name in found["targets"])
    except (KeyError, TypeError, ValueError):
        raise Unavailable(f"{folder / 'result.json'}: predictions cannot be read") from None
    if true.shape != predicted.shape or true.shape != (len(true), len(targets)) or not len(true):
        raise Unavailable(f"{folder / 'result.json'}: predictions are not one per target")
    return Residuals(trial.number, str(found.get("split", "val")), targets, true, predicted)


def size(record: Residuals) -> tuple[float, float]:
    return style.WIDTH, 2.6 * min(MOST_TARGETS, len(record.targets))


def draw(record: Residuals, ax: Axes) -> None:
    drawn = record.targets[:MOST_TARGETS]
    panels = style.panels(ax, len(drawn), 2)
    for i, name in enumerate(drawn):
        left, right = panels[2 * i : 2 * i + 2]
        true, predicted = record.true[:, i], record.predicted[:, i]
        ends = [float(f([true, predicted])) for f in (np.min, np.max)]
        marks.dots(left, true, predicted)
        left.plot(ends, ends, color=style.MUTED, linewidth=1, linestyle=":", label="no error")
        left.set_xlabel(f"true {name}")
        left.set_ylabel(f"predicted {name}")
        axes.legend_above(left, 1)
        marks.dots(right, true, predicted - true)
        right.axhline(0, color=style.MUTED, linewidth=1, linestyle=":")
        at, errors = zip(*record.error_by_size(i), strict=True)
        look: style.Look = {"color": style.SECOND, "marker": "D", "markersize": 4}
        right.plot(at, errors, label="error by fifths", **look)
        right.set_xlabel(f"true {name}")
        right.set_ylabel("predicted minus true")
        axes.legend_above(right, 1)


def rows(record: Residuals) -> list[Row]:
    """The largest errors first, in deviations of the target."""
    errors = record.predicted - record.true
    sizes = np.abs(errors) / np.maximum(record.true.std(0), np.finfo(float).tiny)
    order = np.argsort(-sizes, axis=None, kind="stable")
    places = [divmod(int(k), len(record.targets)) for k in order]
    return [
        {
            "sample": i,
            "target": record.targets[j],
            "true": float(record.true[i, j]),
            "predicted": float(record.predicted[i, j]),
            "error": float(errors[i, j]),
        }
        for i, j in places
    ]


def caption(record: Residuals) -> str:
    errors = record.predicted - record.true
    explained = 1 - (errors**2).mean(0) / np.maximum(record.true.var(0), np.finfo(float).tiny)
    told = [f"{name}: r2 {r2:.3f}" for name, r2 in zip(record.targets, explained, strict=True)]
    text = (
        f"Trial {record.number} on {len(record.true)} samples of the {record.split} split, "
        f"{'; '.join(told)}. Right: the diamonds are the error at small and at large values."
    )
    if len(record.targets) > MOST_TARGETS:
        text += f" Drawn are {MOST_TARGETS} of {len(record.targets)} targets."
    return text
