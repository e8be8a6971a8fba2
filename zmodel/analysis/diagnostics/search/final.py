"""The final stage: test scores of the winner's seeds, and how optimistic the search was.

Reads final/summary.json, which the final stage writes when it is done. The best validation value
of n trials is the largest of n noisy numbers, so it promises more than the test set keeps; the gap
is measured here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import best, objective_name
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Final test"
QUESTION = "Does the test set keep what validation promised?"
SIZE = (7.2, 2.6)


@dataclass(frozen=True)
class Final:
    """Test accuracies of the winner's `seeds`. `interval`: 95 %, Student's t, None for one seed;
    `validation`: the study's best value when it is an accuracy, else None."""

    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    std: float
    interval: tuple[float, float] | None
    validation: float | None
    per_class: list[dict[str, Any]]
    confusion_matrix: dict[str, Any]

    @property
    def optimism(self) -> float | None:
        """Best validation value minus mean test score."""
        return None if self.validation is None else self.validation - self.mean


def summary_of(study: StudyRecord) -> dict[str, Any]:
    """The content of final/summary.json; empty where it is missing or torn."""
    path = study.folder / "final" / "summary.json" if study.folder else None
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def data(study: StudyRecord) -> Final:
    path = study.folder / "final" / "summary.json" if study.folder else None
    if path is None or not path.is_file():
        raise Unavailable(
            "the final stage has not been run: python train.py -m hparams_search=final "
            f"study={study.name}"
        )
    accuracy = "acc" in objective_name(study)
    validation = best(study).value if accuracy else None
    try:
        found = summary_of(study)
        tests, interval = found["winner"]["tests"], found["test_acc_ci"]
        return Final(
            tuple(int(test["seed"]) for test in tests),
            tuple(float(test["test_acc"]) for test in tests),
            float(found["test_acc_mean"]),
            float(found["test_acc_std"]),
            (float(interval[0]), float(interval[1])) if interval else None,
            validation,
            list(found["per_class"]),
            dict(found["confusion_matrix"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise Unavailable(f"{path} cannot be read as the final stage writes it") from None


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
    pairs = zip(record.seeds, record.scores, strict=True)
    return [{"seed": seed, "test_acc": score} for seed, score in pairs]


def caption(record: Final) -> str:
    text = f"Test accuracy {record.mean:.4f} over {len(record.scores)} runs"
    if record.interval:
        text += f" (standard deviation {record.std:.4f}, 95 % interval {record.interval[0]:.4f} "
        text += f"to {record.interval[1]:.4f})"
    if record.optimism is not None:
        text += f"; the search's best validation value is {record.optimism:+.4f} away from it"
    return text + "."
