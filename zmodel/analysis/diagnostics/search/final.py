"""The final stage: test scores of the retrained configurations, and how optimistic the search was.

Reads final/summary.json, which the final stage writes when it is done, else every test score in
final/**/result.json. The best validation value of n trials is the
largest of n noisy numbers, so it promises more than the test set keeps; the gap is measured here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import best, objective_name
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import read_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Final test"
QUESTION = "Does the test set keep what validation promised?"
SIZE = (7.2, 2.6)


@dataclass(frozen=True)
class Final:
    """Test accuracies of the winner's seeds. `interval`: 95 %, Student's t, None for one seed;
    `validation`: the study's best value when it is an accuracy, else None."""

    scores: tuple[float, ...]
    mean: float
    std: float
    interval: tuple[float, float] | None
    validation: float | None
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def optimism(self) -> float | None:
        """Best validation value minus mean test score."""
        return None if self.validation is None else self.validation - self.mean

    def per_class(self) -> list[dict[str, Any]]:
        """Precision and recall of each class, from the summed confusion matrix."""
        matrix = np.asarray(self.counts, dtype=float)
        if matrix.size == 0:
            return []
        hits = np.diag(matrix)
        recall = hits / np.maximum(matrix.sum(axis=1), 1)
        precision = hits / np.maximum(matrix.sum(axis=0), 1)
        return [
            {"class": name, "precision": float(p), "recall": float(r)}
            for name, p, r in zip(self.classes, precision, recall, strict=True)
        ]


def data(study: StudyRecord) -> Final:
    if study.folder is None or not (study.folder / "final").is_dir():
        raise Unavailable(
            "the final stage has not been run: python train.py -m hparams_search=final "
            f"study={study.name}"
        )
    folder = study.folder / "final"
    scores, matrices = _summary(folder) or _results(folder)
    if not scores:
        raise Unavailable("no run in the folder final/ has a test/acc in its result.json")
    classes, counts = _confusion(matrices)
    std = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    mean = float(np.mean(scores))
    return Final(
        tuple(scores),
        mean,
        std,
        _interval(mean, std, len(scores)),
        _validation(study),
        classes,
        counts,
    )


Found = tuple[list[float], list[dict[str, Any]]]


def _summary(folder: Path) -> Found | None:
    """The winner's test scores and confusion matrix as the final stage wrote them."""
    try:
        content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        scores = [float(run["test_acc"]) for run in content["winner"]["tests"]]
        return scores, [content["confusion_matrix"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _results(folder: Path) -> Found:
    """Every test score in the folder, and the confusion matrices beside them."""
    results = [read_result(path.parent) for path in sorted(folder.rglob("result.json"))]
    tested = [r for r in results if _tested(r)]
    matrices = [r.get("confusion_matrix") for r in tested]
    scores = [float(r["metrics"]["test/acc"]) for r in tested]
    return scores, [m for m in matrices if isinstance(m, dict) and m.get("split") == "test"]


def _tested(result: dict[str, Any]) -> bool:
    metrics = result.get("metrics")
    return isinstance(metrics, dict) and isinstance(metrics.get("test/acc"), int | float)


def _validation(study: StudyRecord) -> float | None:
    value = best(study).value if "acc" in objective_name(study) else None
    return None if value is None else float(value)


def _interval(mean: float, std: float, n: int) -> tuple[float, float] | None:
    if n < 2:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, n - 1)) * std / n**0.5
    return mean - half, mean + half


def _confusion(
    matrices: list[dict[str, Any]],
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Classes and the sum of the matrices that have the first one's classes."""
    classes = tuple(map(str, matrices[0].get("classes", ()))) if matrices else ()
    total = np.zeros((len(classes), len(classes)), dtype=int)
    for matrix in matrices:
        counts = np.asarray(matrix.get("counts"), dtype=int)
        if counts.shape == total.shape and tuple(map(str, matrix["classes"])) == classes:
            total = total + counts
    return (classes, tuple(tuple(map(int, row)) for row in total)) if total.any() else ((), ())


def draw(record: Final, ax: Axes) -> None:
    marks.dots(ax, record.scores, [0] * len(record.scores), size=34, label="test, one seed each")
    mean = "test, mean and 95 % interval" if record.interval else "test, mean"
    marks.dots(ax, [record.mean], [0.25], size=44, marker="D", alpha=1, label=mean)
    if record.interval:
        ax.hlines(0.25, *record.interval, color=style.ACCENT, linewidth=2)
    if record.validation is not None:
        look: style.Look = {"linestyle": "--", "label": "best validation of the search"}
        ax.axvline(record.validation, color=style.SECOND, **look)
    ax.set_yticks([])
    ax.set_ylim(-0.4, 0.7)
    ax.set_xlabel("accuracy")
    ax.spines["left"].set_visible(False)
    axes.legend_above(ax, 3)


def rows(record: Final) -> list[Row]:
    return [{"run": i, "test_acc": value} for i, value in enumerate(record.scores)]


def caption(record: Final) -> str:
    text = f"Test accuracy {record.mean:.4f} over {len(record.scores)} runs"
    if record.interval:
        text += f" (standard deviation {record.std:.4f}, 95 % interval {record.interval[0]:.4f} "
        text += f"to {record.interval[1]:.4f})"
    if record.optimism is not None:
        text += f"; the search's best validation value is {record.optimism:+.4f} away from it"
    return text + "."
