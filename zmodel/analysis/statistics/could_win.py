"""Whether a depth whose trials ended early, or are lost, could have the best.

A depth that cannot win any more is worth a note, whatever was done to it. It can win when its best
value, with all that it may have lost, comes near the study's best: nearer than chance explains at
the level at which trials are called alike.

`could_win` asks what *longer* trials would reach. What *more* trials would reach, before a value is
given up or called underexplored, is asked of potential.py: it needs values with many trials to
learn from, and no loss to be told. So does `may_hide_winner`, for trials that have no result.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from itertools import accumulate
from statistics import NormalDist

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.statistics.noise import LEVEL, best_error
from zmodel.analysis.statistics.potential import CHANCE, LEAST_TO_JUDGE, chances
from zmodel.analysis.statistics.selection import (
    best,
    by_depth,
    need_objective_curves,
    score,
    scored,
    sign,
    structural,
)
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

UNKNOWN = 0.01
"""Part of the best value that counts as noise where its standard error is not known."""
BEGUN = 0.25
"""A curve that has come this part of its way to the study's best tells where it ends."""


def could_win(study: StudyRecord, label: str, lost: float = 0.0, *, longer: bool = False) -> bool:
    """Whether a depth could have the best trial.

    Args:
        lost: what each of its trials may have lost, as a positive number.
        longer: more epochs would have let its curves go on.
    """
    trials = by_depth(study, scored(study)).get(label, [])
    if not trials:
        return True  # nothing is known
    reach = [(score(study, t) or 0.0) + lost + (_left(study, t) if longer else 0.0) for t in trials]
    leader = best(study)
    return max(reach) >= (score(study, leader) or 0.0) - chance_gap(study, leader)


def pruned_could_win(study: StudyRecord, trials: Iterable[TrialRecord]) -> bool:
    """Whether the pruned ones of these trials could have had the best, had they gone on.

    They could unless most of them had begun to learn, and were nearing a limit below the best.
    """
    try:
        need_objective_curves(study)
    except Unavailable:
        return True
    leader = best(study)
    goal = score(study, leader) or 0.0
    noise = chance_gap(study, leader)
    below = [_ends_below(study, t, goal, noise) for t in trials if t.state == "pruned"]
    return sum(below) <= len(below) / 2


def _ends_below(study: StudyRecord, trial: TrialRecord, goal: float, noise: float) -> bool:
    scores = _scores(study, trial)
    if len(scores) < 4 or max(scores) - scores[0] < BEGUN * (goal - scores[0]):
        return False
    return max(scores) + _left(study, trial) < goal - noise


def may_hide_winner(study: StudyRecord, lost: Collection[int]) -> bool:
    """Whether one of the trials with the numbers `lost` is at a depth that can still win.

    Where nothing is known of a trial's depth, or the study has none, it may be the best. Trials
    that did not begin to learn say nothing about their depth, survivors of a pruner too little.
    """
    params = structural(study)[:1]
    if not params or any(t.state == "pruned" for t in study.trials):
        return True
    param, cells = params[0], cells_of(study, params[0])
    groups = cells.split(t for t in scored(study) if not attr(t, "never_learned"))
    able = chances([[score(study, t) or 0.0 for t in group] for group in groups])
    closed = [
        at
        for at, (group, chance) in enumerate(zip(groups, able, strict=True))
        if len(group) >= LEAST_TO_JUDGE and chance < CHANCE
    ]
    return any(
        param not in t.params or cells.at(t.params[param]) not in closed
        for t in study.trials
        if t.number in lost
    )


def can_be_beaten(study: StudyRecord) -> bool:
    """Whether a value can be better than the best one by more than its standard error: an accuracy
    of 1 has nothing above it."""
    leader = best(study)
    error = best_error(study, leader.value)  # known of accuracies alone
    return error is None or 1 - (leader.value or 0.0) > error


def _left(study: StudyRecord, trial: TrialRecord) -> float:
    """What its curve had still to gain, if it nears its limit exponentially: each half of the
    epochs gains the same part of what the half before it gained."""
    best_so_far = list(accumulate(_scores(study, trial), max))
    if len(best_so_far) < 4:
        return 0.0
    first, middle, last = (best_so_far[at] for at in (0, len(best_so_far) // 2, -1))
    early, late = middle - first, last - middle
    if late <= 0:
        return 0.0
    return math.inf if late >= early else late * late / (early - late)


def _scores(study: StudyRecord, trial: TrialRecord) -> list[float]:
    """By epoch, larger is better; epochs without a finite value say nothing."""
    way = sign(study)
    return [way * v for _, v in sorted(trial.curve.items()) if math.isfinite(v)]


def chance_gap(study: StudyRecord, leader: TrialRecord) -> float:
    """How much two values may differ by chance; a part of the best where no error is known."""
    error = best_error(study, leader.value)
    if error is None:
        return UNKNOWN * abs(leader.value or 0.0)
    return NormalDist().inv_cdf(LEVEL) * math.sqrt(2) * error
