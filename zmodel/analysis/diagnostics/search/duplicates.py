"""Trials that repeat the parameters of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import score
from zmodel.study.distribution_values import count_values
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

TITLE = "Duplicates"
QUESTION = "Was budget spent on repeating trials?"
COUNTED = ("complete", "pruned", "running")


@dataclass(frozen=True)
class Repeated:
    """Trials with equal parameters and their finite scores. `range`: largest minus least."""

    numbers: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def range(self) -> float | None:
        return max(self.values) - min(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Duplicates:
    """How many trials repeat another.

    `repeated`: trials that repeat an earlier one, of `trials`; `combinations`: how many
    different ones the space has, None when a parameter is continuous."""

    trials: int
    repeated: int
    groups: tuple[Repeated, ...]
    combinations: int | None

    @property
    def share(self) -> float:
        return self.repeated / self.trials if self.trials else 0.0


def data(study: StudyRecord) -> Duplicates:
    trials = [t for t in study.trials if attr(t, "replicate") is None]  # repeated on purpose
    counted = [t for t in trials if t.state in COUNTED and t.params]
    if not counted:
        raise Unavailable("no trial has parameters yet")
    same: dict[tuple[tuple[str, str], ...], list[TrialRecord]] = {}
    for trial in counted:
        key = tuple(sorted((name, repr(value)) for name, value in trial.params.items()))
        same.setdefault(key, []).append(trial)
    groups = [
        Repeated(
            tuple(t.number for t in group),
            tuple(s for t in group if (s := score(study, t)) is not None),
        )
        for group in same.values()
        if len(group) > 1
    ]
    groups.sort(key=lambda g: -len(g.numbers))
    repeated = sum(len(g.numbers) - 1 for g in groups)
    counts = [count_values(distribution) for distribution in study.space.values()]
    combinations = None if None in counts else prod(n for n in counts if n is not None)
    return Duplicates(len(counted), repeated, tuple(groups), combinations)


def nothing(record: Duplicates) -> str | None:
    return None if record.groups else f"None of {record.trials} trials repeats another."


def rows(record: Duplicates) -> list[Row]:
    return [
        {"trials": len(g.numbers), "numbers": " ".join(map(str, g.numbers)), "value_range": g.range}
        for g in record.groups
    ]


def caption(record: Duplicates) -> str:
    text = f"{record.repeated} of {record.trials} trials repeat an earlier one exactly"
    ranges = [g.range for g in record.groups if g.range is not None]
    if ranges:
        text += f"; equal trials differed by up to {max(ranges):.3g} in value"
    return text + "."
