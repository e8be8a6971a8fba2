"""Which verdicts can already be given while a study runs.

Faults as they are, the rest as notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.selection import curve_name, fixed, short, structural
from zmodel.study.cells import value_label
from zmodel.study.records import StudyRecord
from zmodel.study.trial_attributes import attr

FAULTS = ("failures", "zombies", "duplicates", "never_learned", "pruning_bias")
"""More trials do not mend these: waiting for the end would cost the budget."""
LEAST = 5
"""So many trials must have ended before anything is judged."""


def so_far(verdicts: Sequence[Verdict], study: StudyRecord) -> list[Verdict]:
    """The verdicts on a study that runs. What further trials may change is no alarm yet."""
    ended = sum(t.state not in ("running", "waiting") for t in study.trials)
    if ended < LEAST:
        return []
    return [v if v.code in FAULTS else _later(v) for v in verdicts]


def _later(verdict: Verdict) -> Verdict:
    if verdict.severity == "note":
        return replace(verdict, action=None)  # what comes after the study waits for its end
    return replace(verdict, severity="note", message=f"So far: {verdict.message}", action=None)


def running_lines(study: StudyRecord) -> list[str]:
    """A line for each running trial: how far it is, and where it stands."""
    depth = next(iter(structural(study)), None)
    lines = []
    for trial in study.trials:
        if trial.state != "running":
            continue
        folds = attr(trial, "folds")  # each is one step of the curve
        most = folds or attr(trial, "max_epochs") or fixed(study, "trainer.max_epochs")
        step = "fold" if folds else "epoch"
        of = f" of {most}" if isinstance(most, int) and most > 0 else ""
        at = f"{short(depth)} {value_label(trial.params[depth])}, " if depth in trial.params else ""
        last = f", {curve_name(study)} {trial.curve[max(trial.curve)]:.4g}" if trial.curve else ""
        lines.append(f"running  trial {trial.number}: {at}{step} {len(trial.curve)}{of}{last}")
    return lines
