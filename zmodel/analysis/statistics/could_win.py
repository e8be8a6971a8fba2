"""Whether a depth whose trials were ended early could have had the best trial.

A depth that cannot win any more is worth a note, whatever was done to it. It can win when its best
value, with all that it may have lost, comes near the study's best: nearer than chance explains at
the level at which trials are called alike.

This asks what *longer* trials would reach. What *more* trials would reach, before a value is given
up or called underexplored, is asked of potential.py: it needs values with many trials to learn
from, and no loss to be told.
"""

from __future__ import annotations

import math
from itertools import accumulate
from statistics import NormalDist

from zmodel.analysis.statistics.noise import LEVEL, best_error
from zmodel.analysis.statistics.selection import best, by_depth, score, scored, sign
from zmodel.study.records import StudyRecord, TrialRecord

UNKNOWN = 0.01
"""Part of the best value that counts as noise where its standard error is not known."""


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
    return max(reach) >= (score(study, leader) or 0.0) - _noise(study, leader)


def _left(study: StudyRecord, trial: TrialRecord) -> float:
    """What its curve had still to gain, if it nears its limit exponentially: each half of the
    epochs gains the same part of what the half before it gained."""
    way, epochs = sign(study), sorted(trial.curve)
    if len(epochs) < 4:
        return 0.0
    best_so_far = list(accumulate((way * trial.curve[e] for e in epochs), max))
    first, middle, last = (best_so_far[at] for at in (0, len(epochs) // 2, -1))
    early, late = middle - first, last - middle
    if late <= 0:
        return 0.0
    return math.inf if late >= early else late * late / (early - late)


def _noise(study: StudyRecord, leader: TrialRecord) -> float:
    """How much two values may differ by chance; a part of the best where no error is known."""
    error = best_error(study, leader.value)
    if error is None:
        return UNKNOWN * abs(leader.value or 0.0)
    return NormalDist().inv_cdf(LEVEL) * math.sqrt(2) * error
