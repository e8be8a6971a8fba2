"""The spread between seeds of one configuration."""

from __future__ import annotations

import math
from collections import defaultdict
from statistics import fmean, median, stdev
from typing import Any

from zmodel.analysis.final_stage import summary_of
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr


def between_seeds(study: StudyRecord) -> float | None:
    """Standard deviation, by the final stage, else by replicates; None where neither tells."""
    found = _of_final_stage(study)
    return found if found is not None else _of_replicates(study)


def _of_final_stage(study: StudyRecord) -> float | None:
    """The median over its candidates: one that trains badly, as the baseline may, says nothing
    about the others."""
    found: Any = summary_of(study).get("candidates")
    try:
        groups = [[float(v) for v in c["values"].values()] for c in found]
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    spreads = [stdev(group) for group in groups if len(group) > 1]
    return median(spreads) if spreads else None


def _of_replicates(study: StudyRecord) -> float | None:
    """Pooled over configurations, each trial with its replicates.

    A trial was repeated because its value was good, so it is too good by chance: the mean by which
    trials are better than their replicates is taken off. None for fewer than two degrees of
    freedom.
    """
    first = {t.number: t.value for t in study.comparable if t.value is not None}
    groups: dict[int, list[float]] = defaultdict(list)
    for trial in study.trials:
        number = attr(trial, "replicate")
        if number in first and trial.state == "complete" and trial.value is not None:
            groups[number].append(trial.value)
    freedom = sum(map(len, groups.values())) - 1
    if freedom < 2:
        return None
    shift = fmean(first[number] - fmean(group) for number, group in groups.items())
    squares = 0.0
    for number, group in groups.items():
        values = [first[number] - shift, *group]
        squares += sum((value - fmean(values)) ** 2 for value in values)
    return math.sqrt(squares / freedom)
