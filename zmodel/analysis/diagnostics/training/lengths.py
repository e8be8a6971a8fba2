"""After how many epochs trials ended, and where they cooled down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.page import axes, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.replay.patience import allowance, was_stopped
from zmodel.analysis.statistics.selection import (
    by_depth,
    need_curves,
    recorded_epochs,
    short,
    structural,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Length of the runs"
QUESTION = "How long did each depth train, and from where did its learning rate cool down?"
SIZE = (style.WIDTH, 3.0)
LEAST = 3


@dataclass(frozen=True)
class Length:
    """Of one trial, in epochs. `cooled_from`: done when the learning rate began to fall, None
    without a cool-down. `stopped`: by early stopping, before its allowance was used up."""

    label: str
    trial: int
    epochs: int
    cooled_from: int | None
    stopped: bool


@dataclass(frozen=True)
class Lengths:
    """Completed trials by depth (`labels`), in each from short to long."""

    param: str | None
    labels: tuple[str, ...]
    runs: tuple[Length, ...]
    allowance: int

    @property
    def cooled(self) -> int:
        return sum(run.cooled_from is not None for run in self.runs)

    def of(self, label: str) -> list[Length]:
        return [run for run in self.runs if run.label == label]


def data(study: StudyRecord) -> Lengths:
    trials = need_curves(study, LEAST)
    most = allowance(study, trials)
    groups = by_depth(study, trials)
    runs = [_length(label, t, most) for label, group in groups.items() for t in group]
    params = structural(study)
    ordered = sorted(runs, key=lambda run: (run.epochs, run.trial))
    return Lengths(params[0] if params else None, tuple(groups), tuple(ordered), most)


def _length(label: str, trial: TrialRecord, most: int) -> Length:
    return Length(
        label,
        trial.number,
        recorded_epochs(trial),
        attr(trial, "cooled_from"),
        was_stopped(trial, most),
    )


def draw(record: Lengths, ax: Axes) -> None:
    """A circle where a trial ended, open when it used up its allowance; a line from where it
    began to cool down."""
    colors = style.colors_of(list(record.labels))
    for place, label in enumerate(record.labels):
        runs, color = record.of(label), colors[label]
        at = [place + 0.7 * ((i + 0.5) / len(runs) - 0.5) for i in range(len(runs))]
        ends = [run.epochs for run in runs]
        begun = [run.epochs if run.cooled_from is None else run.cooled_from for run in runs]
        ax.vlines(at, begun, ends, color=color, linewidth=1.2)
        faces = [color if run.stopped else "none" for run in runs]
        drawn = ax.scatter(at, ends, s=14, edgecolors=color, facecolors=faces)
        drawn.set_gid(f"trials {' '.join(str(run.trial) for run in runs)}")
    edge: style.Look = {"color": style.MUTED, "linewidth": 1, "linestyle": ":"}
    ax.axhline(record.allowance, label="allowance", **edge)
    axes.categories(ax, record.labels, short(record.param) if record.param else "trials")
    axes.whole_numbers(ax)
    ax.set_ylim(bottom=0)
    ax.set_ylabel("epochs")


def nothing(record: Lengths) -> str | None:
    if record.cooled or any(run.stopped for run in record.runs):
        return None
    return f"All {len(record.runs)} completed trials used up their epochs."


def rows(record: Lengths) -> list[Row]:
    return [flat(run) for run in record.runs]


def caption(record: Lengths) -> str:
    stopped = sum(run.stopped for run in record.runs)
    name = short(record.param) if record.param else "trials"
    medians = ", ".join(
        _medians(label, runs) for label in record.labels if (runs := record.of(label))
    )
    text = (
        f"{stopped} of {len(record.runs)} completed trials were ended by their own early stopping, "
        f"before the {record.allowance} epochs that they might take. Median epochs by {name}: "
        f"{medians}."
    )
    if record.cooled:
        text += (
            f" {record.cooled} trials cooled down before they ended: their learning rate fell to 0 "
            "from where a line begins. Open circles used up their allowance."
        )
    return text


def _medians(label: str, runs: list[Length]) -> str:
    end = f"{label}: {np.median([run.epochs for run in runs]):.0f}"
    cooled = [run.cooled_from for run in runs if run.cooled_from is not None]
    return f"{end} (cooled from {np.median(cooled):.0f})" if cooled else end
