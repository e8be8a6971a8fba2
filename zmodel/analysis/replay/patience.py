"""What early stopping did to recorded curves.

And what another patience would have done to them.

A trial whose learning rate cooled down before its end can answer for no other patience: it would
have cooled down from another epoch, and what it would have reached then was not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from zmodel.analysis.statistics.epoch_noise import epoch_noise
from zmodel.analysis.statistics.selection import curve_sign, fixed, recorded_epochs
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

CANDIDATES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
# results that differ by less than this part of the best value count as the same
SAME = 0.002
# the part of the allowance in which a trial must still have been improving to count as cut
LAST_PART = 0.1
CUT_LEVEL = 0.025
LEAST_ALLOWANCE = 10


@dataclass(frozen=True)
class Patience:
    """What this patience would have done to the recorded curves. `kept`: how many of the top
    trials keep their value; `loss`: what the best result would have lost."""

    patience: int
    epochs: int
    share: float
    kept: int
    loss: float
    loss_by_value: dict[str, float]


def allowance(study: StudyRecord, trials: Sequence[TrialRecord]) -> int:
    """The most epochs a trial might run: as recorded or configured, else the longest curve."""
    known = [m for t in trials if (m := attr(t, "max_epochs"))]
    declared = fixed(study, "trainer.max_epochs")
    if isinstance(declared, int) and declared > 0:
        known.append(declared)
    return max([*known, *(max(t.curve) + 1 for t in trials)])


def own_allowance(trial: TrialRecord, most: int) -> int:
    """The epochs that one trial might run, by default as many as any."""
    return attr(trial, "max_epochs") or most


def no_replay(trials: Sequence[TrialRecord]) -> str | None:
    """Why the curves of these trials say nothing of another patience; None when they do."""
    if any(attr(t, "cooled_from") is not None for t in trials):
        return "learning rates cooled down before trials ended"
    if any(t.curve and max(t.curve) + 1 < recorded_epochs(t) for t in trials):
        return "trials reported per fold, not per epoch"
    return None


def was_stopped(trial: TrialRecord, most: int) -> bool:
    recorded = attr(trial, "stopped_early")
    if recorded is not None:
        return recorded
    return max(trial.curve) + 1 < own_allowance(trial, most)


def used_patience(study: StudyRecord, trials: Sequence[TrialRecord]) -> int | None:
    """The patience the study ran with: as configured, else the usual wait of stopped trials."""
    declared = fixed(study, "early_stopping.patience")
    if isinstance(declared, int):
        return declared
    waits = [max(t.curve) - best_epoch(study, t) for t in trials if attr(t, "stopped_early")]
    return int(np.median(waits)) if waits else None


def best_epoch(study: StudyRecord, trial: TrialRecord) -> int:
    """The first epoch with the best finite value."""
    way = curve_sign(study)
    values = {e: way * v for e, v in trial.curve.items() if np.isfinite(v)}
    return max(values, key=lambda e: (values[e], -e)) if values else 0


def ended_by(study: StudyRecord, trial: TrialRecord, patience: int) -> tuple[int, float]:
    """Epochs run and best score if the trial had ended `patience` epochs without improvement."""
    way, best, waited, ran = curve_sign(study), -np.inf, 0, 0
    for value in trial.curve.values():
        ran += 1
        reached = way * value
        waited = 0 if reached > best else waited + 1
        best = max(best, reached)
        if waited >= patience:
            break
    return ran, float(best)


def best_score(study: StudyRecord, trial: TrialRecord) -> float:
    way = curve_sign(study)
    return max((way * v for v in trial.curve.values() if math.isfinite(v)), default=-math.inf)


def try_patiences(
    study: StudyRecord,
    trials: list[TrialRecord],
    leaders: list[TrialRecord],
    groups: dict[str, list[TrialRecord]],
    own: int | None,
    most: int,
) -> tuple[Patience, ...]:
    if no_replay(trials):
        return ()
    limit = own if own is not None else most
    tried = sorted({p for p in CANDIDATES if p <= limit} | ({own} if own else set()))
    own_best = {t.number: best_score(study, t) for t in trials}
    best = own_best[leaders[0].number] if leaders else 0.0
    found = []
    for patience in tried:
        after = {t.number: ended_by(study, t, patience) for t in trials}
        lost = {t.number: own_best[t.number] - after[t.number][1] for t in trials}
        epochs = sum(ran for ran, _ in after.values())
        found.append(
            Patience(
                patience,
                epochs,
                epochs / max(1, sum(len(t.curve) for t in trials)),
                sum(lost[t.number] <= SAME * abs(best) for t in leaders),
                best - max(reached for _, reached in after.values()),
                {
                    label: float(np.mean([lost[t.number] for t in group]))
                    for label, group in groups.items()
                    if group
                },
            )
        )
    return tuple(found)


def patience_regrets(
    study: StudyRecord, controls: Sequence[TrialRecord], patience: int | None
) -> list[float]:
    if patience is None or no_replay(controls):
        return []
    return [best_score(study, t) - ended_by(study, t, patience)[1] for t in controls]


def was_cut(study: StudyRecord, trial: TrialRecord, most: int) -> bool:
    """Whether the allowance ended while the trial was still improving by more than noise: the mean
    of its last part is above that of the part before by more than SAME, and surely: one-sided
    t-test at CUT_LEVEL."""
    parts = last_parts(study, trial, most)
    if parts is None:
        return False
    before, last = parts
    gain = last.mean() - before.mean()
    error = float(np.sqrt((last.var(ddof=1) + before.var(ddof=1)) / len(last)))
    quantile = _quantile(2 * len(last) - 2)
    return bool(gain > max(quantile * error, SAME * abs(best_score(study, trial))))


def last_parts(
    study: StudyRecord, trial: TrialRecord, most: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Scores of the last part of a trial's epochs, after those of as many before.

    None where patience ended the trial, or it had few epochs. What a cool-down at the end brought
    does not count.
    """
    own = own_allowance(trial, most)
    if was_stopped(trial, most) or own < LEAST_ALLOWANCE:
        return None
    until = attr(trial, "cooled_from", own)
    way = curve_sign(study)
    values = [way * v for e, v in trial.curve.items() if e < until and np.isfinite(v)]
    part = max(3, round(own * LAST_PART))
    if len(values) < 2 * part:
        return None
    return np.array(values[-2 * part : -part]), np.array(values[-part:])


def late_gain(
    study: StudyRecord, trials: Sequence[TrialRecord], most: int, noise: float
) -> tuple[float, float]:
    """What trials gained on average in the last part of their epochs, with its standard error.

    `noise` is that of one epoch's value. Trials that were stopped gained nothing.
    """
    if not trials:
        return 0.0, 0.0
    parts = [p for t in trials if (p := last_parts(study, t, most)) is not None]
    gains = [last.mean() - before.mean() for before, last in parts]
    variance = sum(2 * noise**2 / len(last) for _, last in parts)
    return float(sum(gains) / len(trials)), math.sqrt(variance) / len(trials)


def late_noise(study: StudyRecord, trials: Sequence[TrialRecord]) -> float:
    """Noise of one epoch in the second half of a run.

    The median over the better half of `trials`, which come best first.
    """
    halves = [list(t.curve.values())[len(t.curve) // 2 :] for t in trials[: (len(trials) + 1) // 2]]
    return float(np.median([epoch_noise(half) for half in halves]))


@cache
def _quantile(degrees: int) -> float:
    from scipy.stats import t

    return float(t.ppf(1 - CUT_LEVEL, degrees))
