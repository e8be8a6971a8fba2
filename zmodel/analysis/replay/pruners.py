"""The pruners that the audit replays, with Optuna's defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
from optuna.pruners import (
    BasePruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)

from zmodel.analysis.statistics.selection import score
from zmodel.compat.optuna.hyperband import CachedHyperband
from zmodel.study.records import StudyRecord, TrialRecord

BRACKET_NAMES = 5
"""Hyperband is replayed under so many names, each of which gives other brackets."""


def pruners_of(
    study: StudyRecord, trials: Sequence[TrialRecord]
) -> dict[str, tuple[Callable[[], BasePruner], int]]:
    """Name -> (a new pruner of Optuna's defaults, number of replays)."""
    resource = max(max(t.curve) for t in trials) + 1
    return {
        "median": (MedianPruner, 1),
        "percentile": (lambda: PercentilePruner(25.0), 1),
        "asha": (SuccessiveHalvingPruner, 1),
        "hyperband": (lambda: CachedHyperband(max_resource=resource), BRACKET_NAMES),
        "wilcoxon": (WilcoxonPruner, 1),
    }


def steps_are_instances(study: StudyRecord, trials: Sequence[TrialRecord]) -> bool:
    """Whether a trial's value is the mean of what it reports, as of folds."""
    complete = [t for t in trials if score(study, t) is not None and t.state == "complete"]
    spread = np.ptp([t.value for t in complete]) or 1.0
    close = [abs(fmean(t.curve.values()) - t.value) <= 0.01 * spread for t in complete]  # type: ignore[operator]
    return fmean(close) >= 0.9
