"""Which groups lost more of their trials to a pruner than chance explains.

A few more pruned trials prove little. How a group started tells more: networks that start late lag
behind all others long before they could show what they reach. So every trial gets a score: 1 if
it was pruned, plus the share of trials that were ahead of it by their best so far, plus the share
that had gained more since their first epoch. It is compared with those that had come as far, at the
epoch by which most prunings had happened, or at its own end before that.

If groups mean nothing to the pruner, any trial could have any score. The test permutes scores and
compares each group with the largest of all groups in every round, so that the chance of any false
alarm is the level (maxT of Westfall & Young, Resampling-Based Multiple Testing, 1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.statistics.steps import grid, running_best
from zmodel.study.records import StudyRecord, TrialRecord

# trials are compared when this part of the prunings had happened
MOST = 0.9
ROUNDS = 1000
# a single trial shows nothing about its group
LEAST = 2


def pruned_more(
    study: StudyRecord, groups: Mapping[str, Sequence[TrialRecord]]
) -> dict[str, float]:
    """The p-value of each group, corrected for the number of groups.

    Of groups with at least LEAST trials that completed or were pruned; empty without prunings.
    """
    ended = {
        label: [t for t in group if t.state in ("complete", "pruned")]
        for label, group in groups.items()
    }
    trials = [trial for group in ended.values() for trial in group]
    labels = [label for label, group in ended.items() if LEAST <= len(group) < len(trials)]
    pruned = np.array([trial.state == "pruned" for trial in trials])
    if not labels or not pruned.any():
        return {}
    scores = pruned + _behind(study, trials)
    found = _largest_of_permuted(scores - scores.mean(), _members(ended, labels))
    return dict(zip(labels, found, strict=True))


def _members(groups: Mapping[str, Sequence[TrialRecord]], labels: Sequence[str]) -> np.ndarray:
    """Trials x labels: 1 where the trial is of the group."""
    own = np.repeat(list(groups), [len(group) for group in groups.values()])
    return (own[:, None] == np.array(labels)).astype(float)


def _largest_of_permuted(scores: np.ndarray, member: np.ndarray) -> list[float]:
    n = member.sum(0)
    member = member / np.sqrt(n * (len(scores) - n))
    rng = np.random.default_rng(0)
    largest = np.array([(rng.permutation(scores) @ member).max() for _ in range(ROUNDS)])
    return [float((1 + (largest >= own - 1e-9).sum()) / (1 + ROUNDS)) for own in scores @ member]


def _behind(study: StudyRecord, trials: Sequence[TrialRecord]) -> np.ndarray:
    """How far behind each trial is, from 0 (ahead of all) to 2; 1 where it reported nothing."""
    found = np.ones(len(trials))
    ends = np.array([max(t.curve, default=-1) for t in trials])
    until = np.quantile([e for e, t in zip(ends, trials, strict=True) if t.state == "pruned"], MOST)
    steps = grid(t.curve for t in trials)
    steps = steps[steps <= until]
    if not len(steps):
        return found
    try:
        best = np.array([running_best(study, trial, steps) for trial in trials])
    except Unavailable:  # nothing says which way the curves are better
        return found
    finite = np.isfinite(best)
    gains = best - np.where(finite.any(1), best[range(len(best)), finite.argmax(1)], 0.0)[:, None]
    for at, step in enumerate(steps):
        there = ends >= step
        found[there] = _worse(best[there, at]) + _worse(np.nan_to_num(gains[there, at]))
    return found


def _worse(values: np.ndarray) -> np.ndarray:
    """The share of values above each one, ties by half."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(-values) - 0.5) / len(values))
