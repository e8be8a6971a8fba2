"""Rows of tables as flat dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr
from zmodel.study.widening import phase_of, phase_starts

Row = dict[str, Any]


def flat(record: Any, *left_out: str) -> Row:
    """The fields of a record that are one number or text each; `left_out` and others are not."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in left_out and (value is None or isinstance(value, str | bool | int | float))
    }


def mark_origin(study: StudyRecord, rows: Sequence[Row]) -> list[Row]:
    """Rows of trials with columns beside their numbers: what was forced on them, not chosen, and
    where there are such, which one is the baseline, which ones break a constraint, and the phase of
    a study that was widened."""
    forced = {t.number: " ".join(attr(t, "forced", [])) for t in study.trials}
    baselines = [t.number for t in study.trials if attr(t, "baseline")]
    infeasible = {t.number for t in study.trials if t.state == "complete" and not t.feasible}

    def marks(number: int) -> Row:
        marked: Row = {"trial": number, "forced": forced.get(number, "")}
        if baselines:
            marked["baseline"] = number in baselines
        if infeasible:
            marked["infeasible"] = number in infeasible
        if phase_starts(study.attrs):
            marked["phase"] = phase_of(number, study.attrs)
        return marked

    return [{**marks(row["trial"]), **row} if "trial" in row else row for row in rows]
