"""Runs that were never better than a constant answer.

Such runs are failed trainings and no results.
"""

from __future__ import annotations

from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.suggested_commands import longer, new_study
from zmodel.analysis.rules.verdict import NOTHING, Verdict
from zmodel.analysis.statistics.could_win import may_hide_winner
from zmodel.analysis.statistics.selection import by_depth, listed, short, structural
from zmodel.study.folder import of_another_program
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr

CODE = "never_learned"
CHECK = "the networks of every depth began to learn"
HALF = 0.5
# fewer trials of a depth, or of the study, may be chance
LEAST_OF_DEPTH, LEAST = 2, 4


def judge(findings: Findings) -> list[Verdict] | None:
    study = findings.study
    ended = [t for t in study.trials if t.state == "complete"]
    judged = [t for t in ended if attr(t, "never_learned") is not None]
    if not judged:
        return None
    groups = by_depth(study, judged)
    stuck = {label: sum(attr(t, "never_learned") for t in g) for label, g in groups.items()}
    count = sum(stuck.values())
    if not count:
        return []
    whole = [z for z, g in groups.items() if len(g) >= LEAST_OF_DEPTH and stuck[z] == len(g)]
    lost = whole if structural(study) else []
    half = len(judged) >= LEAST and count >= HALF * len(judged)
    half = half and may_hide_winner(study, {t.number for t in judged if attr(t, "never_learned")})
    text = (
        f"{count} of {len(judged)} trials were never better than a constant answer (the most "
        "frequent class, or the mean of the target): they did not "
        "begin to learn, which says nothing about what their configurations can reach."
    )
    if lost:
        text += f" It was every trial at {short(structural(study)[0])} = {listed(lost)}."
    return [
        Verdict(
            CODE,
            "alarm" if lost or half else "note",
            text,
            structural(study)[0] if lost else None,
            {"never_learned": stuck, "trials": {label: len(g) for label, g in groups.items()}},
            _remedy(study) if lost or half else None,
            None if lost or half else NOTHING,
        )
    ]


def _remedy(study: StudyRecord) -> str:
    """A warm-up, which helps more than patience (docs/measured/results.md), where a network of ours
    has no other schedule."""
    known, ours = study.attrs.get("fixed"), not of_another_program(study.attrs)
    if ours and isinstance(known, dict) and known.get("model.scheduler", "") is None:
        command = new_study(study, "warm", {"schedule": "warmup"})
        if command:
            return command
    return longer(study, "patient", "callbacks.early_stopping.patience", 4)
