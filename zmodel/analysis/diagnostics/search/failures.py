"""Trials that failed or returned no usable number, and the reasons they gave."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row
from zmodel.analysis.statistics.selection import count_states
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr

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


def nothing(record: Failures) -> str | None:
    return None if record.failed else f"None of {record.ended} ended trials failed."


def rows(record: Failures) -> list[Row]:
    return [
        {"reason": reason, "trials": len(numbers), "numbers": " ".join(map(str, numbers))}
        for reason, numbers in record.reasons.items()
    ]


def caption(record: Failures) -> str:
    return f"{record.failed} of {record.ended} ended trials failed ({record.share:.0%})."
