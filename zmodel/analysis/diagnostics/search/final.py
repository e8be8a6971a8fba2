"""Test scores of the final stage, and how optimistic the search was.

Reads final/summary.json, which the final stage writes when it is done. The best validation value
of n trials is the largest of n noisy numbers, so it promises more than the test set keeps; the gap
is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zmodel.analysis.final_stage import summary_of
from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row
from zmodel.analysis.page.value_axis import value_axis
from zmodel.analysis.statistics.selection import best, objective_name
from zmodel.core.objective import counterpart_in_test
from zmodel.study.records import StudyRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Final test"
QUESTION = "Does the test set keep what validation promised?"
SIZE = (style.WIDTH, 2.4)


@dataclass(frozen=True)
class Final:
    """Test scores of the winner's `seeds` by `metric`. `interval`: 95 %, Student's t, None for one
    seed; `validation`: the study's best value when it is of the same metric. Where the stage
    trained longer than the search it is the mean of these runs, as `of_these_runs` says."""

    metric: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    std: float
    interval: tuple[float, float] | None
    validation: float | None
    per_class: list[dict[str, Any]]
    confusion_matrix: dict[str, Any]
    maximize: bool = True
    accuracy: dict[str, Any] = field(default_factory=dict)
    """`mean`, `std` and `ci` of the test accuracy, of classes."""
    of_these_runs: bool = False

    @property
    def optimism(self) -> float | None:
        """By how much the best validation value is better than the mean test score."""
        if self.validation is None:
            return None
        return (self.validation - self.mean) * (1 if self.maximize else -1)

    @property
    def promised(self) -> str:
        """What `validation` is."""
        own = "mean validation value of these runs"
        return own if self.of_these_runs else "best validation value of the search"

    @property
    def word(self) -> str:
        name = self.metric.removeprefix("test/")
        return "accuracy" if name == "acc" else name


def data(study: StudyRecord) -> Final:
    path = study.folder / "final" / "summary.json" if study.folder else None
    if path is None or not path.is_file():
        raise Unavailable(
            "the final stage has not been run: python train.py -m hparams_search=final "
            f"study={study.name}"
        )
    try:
        found = summary_of(study)
        score = found.get("score", {"metric": "test/acc", **_accuracy(found)})
        if score is None:
            raise Unavailable(f"the tests of the winner logged no score, see {path}")
        tests, interval = found["winner"]["tests"], score["ci"]
        alike = score["metric"] == counterpart_in_test(objective_name(study))
        return Final(
            str(score["metric"]),
            tuple(int(test["seed"]) for test in tests),
            tuple(float(test.get("score", test["test_acc"])) for test in tests),
            float(score["mean"]),
            float(score["std"]),
            (float(interval[0]), float(interval[1])) if interval else None,
            _comparable(study, found) if alike else None,
            list(found["per_class"] or ()),
            dict(found["confusion_matrix"] or {}),
            study.directions[0] == "maximize",
            _accuracy(found),
            _is_longer(found),
        )
    except Unavailable:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise Unavailable(f"{path} cannot be read as the final stage writes it") from None


def _is_longer(found: dict[str, Any]) -> bool:
    """Whether runs of the stage had more epochs than those of the search."""
    return (found.get("options") or {}).get("stretch", 1) != 1


def _comparable(study: StudyRecord, found: dict[str, Any]) -> float | None:
    """The validation value of equal allowance."""
    if not _is_longer(found):
        return best(study).value
    mean = found["winner"].get("val_mean")
    return None if mean is None else float(mean)


def _accuracy(found: dict[str, Any]) -> dict[str, Any]:
    """The accuracy of a summary, empty without classes."""
    told = {key: found.get(f"test_acc_{key}") for key in ("mean", "std", "ci")}
    return {} if told["mean"] is None else told


def draw(record: Final, ax: Axes) -> None:
    marks.dots(ax, record.scores, [0] * len(record.scores), size=34, label="test, one seed each")
    mean = "test, mean and 95 % interval" if record.interval else "test, mean"
    marks.dots(ax, [record.mean], [0.25], size=44, marker="D", alpha=1, label=mean)
    if record.interval:
        ax.hlines(0.25, *record.interval, color=style.ACCENT, linewidth=2)
    if record.validation is not None:
        look: style.Look = {"linestyle": "--", "label": record.promised}
        ax.axvline(record.validation, color=style.SECOND, **look)
    ax.set_yticks([])
    ax.set_ylim(-0.4, 0.7)
    shown = [*record.scores, *(record.interval or ()), record.validation]
    value_axis(ax, record.word, shown, record.maximize, "x")
    ax.spines["left"].set_visible(False)
    axes.legend_above(ax, 2)


def rows(record: Final) -> list[Row]:
    pairs = zip(record.seeds, record.scores, strict=True)
    return [{"seed": seed, record.metric.replace("/", "_"): score} for seed, score in pairs]


def caption(record: Final) -> str:
    text = f"Test {record.word} {record.mean:.4f} over {len(record.scores)} runs"
    if record.interval:
        text += f" (standard deviation {record.std:.4f}, 95 % interval {record.interval[0]:.4f} "
        text += f"to {record.interval[1]:.4f})"
    if record.optimism is not None:
        text += f"; the {record.promised} is better than it by {record.optimism:.4f}"
    return text + "."
