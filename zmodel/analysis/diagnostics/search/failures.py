"""Trials that failed or returned no usable number, and the reasons they gave."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page import style
from zmodel.analysis.statistics.selection import count_states
from zmodel.core.plain_text import plain
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Failures"
QUESTION = "What went wrong, and how often?"
NO_REASON = "no reason recorded"
NOT_FINITE = "completed with a value that is not finite"


@dataclass(frozen=True)
class Failures:
    """`reasons`: reason -> trial numbers, the most frequent first."""

    ended: int
    failed: int
    reasons: dict[str, tuple[int, ...]]

    @property
    def share(self) -> float:
        return self.failed / self.ended if self.ended else 0.0


def data(study: StudyRecord) -> Failures:
    counts = count_states(study.trials)
    ended = counts["complete"] + counts["pruned"] + counts["failed"]
    if not ended:
        raise Unavailable("no trial has ended yet")
    numbers: dict[str, list[int]] = {}
    for trial in study.trials:
        if trial.state == "failed":
            reason = plain(attr(trial, "fail_reason", "")[:200]) or NO_REASON
            numbers.setdefault(reason, []).append(trial.number)
        elif trial.state == "complete" and not all(map(math.isfinite, trial.values or ())):
            numbers.setdefault(NOT_FINITE, []).append(trial.number)
    often = Counter({reason: len(found) for reason, found in numbers.items()}).most_common()
    reasons = {reason: tuple(numbers[reason]) for reason, _ in often}
    return Failures(ended, sum(map(len, reasons.values())), reasons)


def draw(record: Failures, ax: Axes) -> None:
    shown = list(record.reasons.items())[:8]
    ax.barh(range(len(shown)), [len(n) for _, n in shown], color=style.STATE["failed"], height=0.6)
    ax.set_yticks(range(len(shown)), [r if len(r) < 60 else r[:58] + "…" for r, _ in shown])
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    style.whole_numbers(ax, "x")
    ax.set_xlabel("trials")


def size(record: Failures) -> tuple[float, float]:
    return 7.2, 1.0 + 0.3 * max(1, len(record.reasons))


def rows(record: Failures) -> list[dict[str, Any]]:
    return [
        {"reason": reason, "trials": len(numbers), "numbers": " ".join(map(str, numbers))}
        for reason, numbers in record.reasons.items()
    ]


def caption(record: Failures) -> str:
    return f"{record.failed} of {record.ended} ended trials failed ({record.share:.0%})."
