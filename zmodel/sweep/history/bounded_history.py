"""Limits the number of trials a sampler learns from.

So a long study does not become slow.

TPE and the Gaussian process read every finished trial for each proposal; all other parts of the
engine read each trial once.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.constraints import is_feasible
from zmodel.sweep.history.shown_history import ShownHistory

BEST = 25
"""So many trials at most does TPE take for good ones (optuna's default_gamma)."""


class BoundedHistory(ShownHistory):
    """Shows `sampler` the best 25 and the latest other finished trials, `most` in all.

    TPE's model of good trials thereby is that of the whole study, its model of the others that of
    the latest. Unfinished trials are always shown. For one objective.
    """

    def __init__(self, sampler: BaseSampler, most: int) -> None:
        super().__init__(sampler)
        self._most = most

    def see(self, study: Study, trials: list[FrozenTrial]) -> list[FrozenTrial]:
        return shorten(trials, self._most, study.direction)


def shorten(
    trials: Sequence[FrozenTrial], most: int, direction: StudyDirection
) -> list[FrozenTrial]:
    """What is shown of `trials` (in order of their numbers), in the same order."""
    finished = [t for t in trials if t.state.is_finished()]
    if len(finished) <= most:
        return list(trials)
    sign = 1.0 if direction == StudyDirection.MAXIMIZE else -1.0
    complete = (t for t in finished if t.state == TrialState.COMPLETE)
    best = heapq.nlargest(
        BEST, complete, key=lambda t: (is_feasible(t.constraints), sign * t.values[0])
    )
    kept = {t.number for t in best}
    for trial in reversed(finished):
        if len(kept) == most:
            break
        kept.add(trial.number)
    return [t for t in trials if t.number in kept or not t.state.is_finished()]
