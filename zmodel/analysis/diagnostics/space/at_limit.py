"""Whether results still rise with an amount where a limit of the study ends it.

All completed trials count, also those beyond the limit. Parameters that set the amount itself are
no reason to look elsewhere, so they are left out of the fit. What remains is asked twice, over all
depths and within them: a limit may keep deeper networks away, or wider ones of the same depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from zmodel.analysis.statistics.rising import Floats, surface
from zmodel.analysis.statistics.selection import sign, structural
from zmodel.study.constraints import Constraint
from zmodel.study.records import StudyRecord, TrialRecord

SETS = 0.4
"""From this rank correlation on a parameter sets the amount."""


def rises_at_limit(
    study: StudyRecord,
    constraint: Constraint,
    trials: Sequence[TrialRecord],
    amounts: Sequence[float],
) -> float | None:
    """The p-value of no rise at the limit, of both questions (Bonferroni); None for few trials."""
    whole = [i for i, t in enumerate(trials) if all(p in t.params for p in study.space)]
    if len({amounts[i] for i in whole}) < 2:
        return None
    fit = surface(
        study, [trials[i] for i in whole], [sign(study) * (trials[i].value or 0.0) for i in whole]
    )
    axis = _axis(constraint, np.array([amounts[i] for i in whole], dtype=float))
    sets = {name for name, columns in fit.columns.items() if _sets(columns, axis)}
    depths = set(structural(study))
    found = [fit.rises_at(0.0, axis, out) for out in (sets | depths, sets - depths)]
    known = [p for p in found if p is not None]
    return min(1.0, len(known) * min(known)) if known else None


def _axis(constraint: Constraint, amounts: Floats) -> Floats:
    """Amounts towards the limit, which is 0, by their logarithms where all are positive."""
    way = -1.0 if constraint.least else 1.0
    if constraint.limit > 0 and amounts.min() > 0:
        return way * np.log(amounts / constraint.limit)
    return way * (amounts - constraint.limit) / amounts.std()


def _sets(columns: Floats, axis: Floats) -> bool:
    """Whether a parameter, by its place or one of its values, goes with the amount."""
    return any(
        abs(spearmanr(column, axis).statistic) > SETS
        for column in columns.T
        if len(np.unique(column)) > 1
    )
