"""Replicates: the best configurations run again, each with another seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_foreign
from zmodel.study.constraints import Constraint, keeps
from zmodel.study.trial_attributes import attr, is_replicate
from zmodel.sweep.history.shown_history import ShownHistory

TOP = 3
"""So many configurations are repeated: the spread between seeds of those that may win."""


def next_repeated(
    trials: Sequence[FrozenTrial], maximize: bool, constraints: Sequence[Constraint]
) -> int | None:
    """The trial to repeat: of the best ones so far the one that was repeated least.

    The best of equals. None where no trial is completed within the constraints.
    """
    sign = -1 if maximize else 1
    able = [
        t
        for t in trials
        if t.state == TrialState.COMPLETE
        and not is_replicate(t)
        and not is_foreign(t)
        and keeps(t, constraints)
    ]
    best = sorted(able, key=lambda t: (sign * t.values[0], t.number))[:TOP]
    times = Counter(attr(t, "replicate") for t in trials if is_replicate(t))
    return min((t.number for t in best), key=lambda number: times[number], default=None)


class WithoutReplicates(ShownHistory):
    """Shows `sampler` each configuration once: a second value of it would count as a new one."""

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        return [trial for trial in trials if not is_replicate(trial)]
