"""What pausing trials has cost.

The stopping rule is replayed on trials that it was not allowed to touch.

A trial that was paused shows no end, and those that went on were chosen. The spared ones were not:
each ran to its own end, whatever its standing. The rule would have left one behind if at some rung
it was not among the best share of all trials of its depth that came so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import axes, marks, style
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.selection import need_structural, score, short
from zmodel.analysis.statistics.steps import running_best
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "What pausing cost"
QUESTION = "Trials were paused by comparison: what would it have done to those that were spared?"
SIZE = (style.WIDTH, 2.9)


@dataclass(frozen=True)
class Spared:
    """One depth. `left`: spared trials that the rule would have left behind; `regret`: by how much
    the best of them beats every other trial of the depth, 0 if it does not."""

    label: str
    trials: int
    paused: int
    spared: int
    left: int
    regret: float


@dataclass(frozen=True)
class Pausing:
    param: str
    rungs: tuple[int, ...]
    cells: tuple[Spared, ...]

    @property
    def spared(self) -> int:
        return sum(cell.spared for cell in self.cells)

    @property
    def left(self) -> int:
        return sum(cell.left for cell in self.cells)

    @property
    def regret(self) -> float:
        return max(cell.regret for cell in self.cells)


def data(study: StudyRecord) -> Pausing:
    rule = study.attrs.get("stopping")
    rungs = sorted({at for t in study.trials if (at := attr(t, "paused_at")) is not None})
    if not isinstance(rule, dict) or not rungs:
        raise Unavailable("no trial was paused")
    param = need_structural(study)
    if not any(map(_is_spared, study.trials)):
        raise Unavailable(
            "no trial was spared and completed, so what pausing cost is unknown: "
            "hydra.sweeper.stopping.control_every makes some"
        )
    share = float(rule.get("survivors", 0.5))
    cells = cells_of(study, param)
    groups = zip(cells.labels, cells.split(study.trials), strict=True)
    found = tuple(_cell(study, label, group, rungs, share) for label, group in groups)
    return Pausing(param, tuple(rungs), found)


def _is_spared(trial: TrialRecord) -> bool:
    return bool(attr(trial, "spared")) and trial.state == "complete"


def _cell(
    study: StudyRecord, label: str, group: list[TrialRecord], rungs: list[int], share: float
) -> Spared:
    spared = [t for t in group if _is_spared(t)]
    left = [t for t in spared if any(_stays(study, t, group, rung, share) for rung in rungs)]
    others = [t for t in group if t.state == "complete" and t not in left]
    regret = max((score(study, t) or 0.0 for t in left), default=0.0)
    regret -= max((score(study, t) or 0.0 for t in others), default=regret)
    paused = sum(t.state == "paused" for t in group)
    return Spared(label, len(group), paused, len(spared), len(left), max(0.0, regret))


def _stays(
    study: StudyRecord, trial: TrialRecord, group: list[TrialRecord], rung: int, share: float
) -> bool:
    """Whether the rule would have kept it paused at the rung, as the study stands in the end."""
    if len(trial.curve) <= rung:
        return False
    reached = [t for t in group if len(t.curve) >= rung]
    own = _best(study, trial, rung)
    better = sum(_best(study, t, rung) > own for t in reached)
    return better >= int(len(reached) * share + 1e-9)


def _best(study: StudyRecord, trial: TrialRecord, rung: int) -> float:
    return float(running_best(study, trial, np.array([rung - 1]))[0])


def draw(record: Pausing, ax: Axes) -> None:
    parts = {
        "would have gone on": [c.spared - c.left for c in record.cells],
        "would have been left behind": [c.left for c in record.cells],
    }
    marks.stacked(ax, parts, (style.LOOKS["complete"], style.LOOKS["paused"]))
    ax.set_ylabel("spared trials")
    axes.whole_numbers(ax, "y")
    axes.categories(ax, [c.label for c in record.cells], short(record.param))
    axes.legend_above(ax, 1)


def rows(record: Pausing) -> list[Row]:
    return [{"param": record.param, "value": c.label, **flat(c, "label")} for c in record.cells]


def caption(record: Pausing) -> str:
    text = (
        f"Of {record.spared} trials that ran to their end untouched, the rule would have left "
        f"{record.left} behind at one of the rungs {', '.join(map(str, record.rungs))}."
    )
    if record.regret:
        return f"{text} One of them beats all others of its depth, by {record.regret:.4f}."
    return f"{text} None of them is the best of its depth."
