"""Chance variation of an accuracy: of one trial and of the best of many.

All sizes are of validation samples; each is validated once, also over folds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.statistics.between_seeds import between_seeds
from zmodel.analysis.statistics.selection import objective_name, ranked
from zmodel.study.records import StudyRecord
from zmodel.study.run_folder import read_result, run_folder
from zmodel.study.trial_attributes import attr

LEVEL = 0.9


@dataclass(frozen=True)
class Validation:
    """What trials are validated on: samples, and the share of the most frequent class.

    `seeds`: standard deviation between seeds of one configuration, once it is known.
    """

    samples: int
    majority: float
    seeds: float | None = None

    def error(self, value: float) -> float:
        """Standard error of a value: of its samples and between seeds."""
        return math.hypot(standard_error(value, self.samples), self.seeds or 0.0)


def validation_of(study: StudyRecord) -> Validation:
    """Of the best trial that tells; Unavailable when none does, or no accuracy is optimised."""
    if "acc" not in objective_name(study):
        raise Unavailable(f"{objective_name(study)} is not an accuracy: its noise is not known")
    for trial in ranked(study):
        samples, majority = attr(trial, "validated"), attr(trial, "majority")
        if samples and majority is not None:
            return Validation(samples, majority, between_seeds(study))
    for trial in ranked(study)[:1]:
        folder = run_folder(study, trial)
        found = read_result(folder).get("confusion_matrix") if folder else None
        counts = _sizes(found)
        if counts:
            share = max(counts) / sum(counts)
            return Validation(sum(counts), share, between_seeds(study))
    raise Unavailable("no trial recorded how many samples validated it")


def _sizes(matrix: object) -> list[int]:
    """Samples of each class; none where the matrix is missing or torn."""
    try:
        sizes = [sum(map(int, row)) for row in matrix["counts"]]  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        return []
    return sizes if sum(sizes) > 0 and min(sizes) >= 0 else []


def standard_error(accuracy: float, samples: int) -> float:
    """Binomial, with two successes and two failures added (Agresti & Coull, The American
    Statistician 52, 1998): 10 of 10 right are not certain."""
    share = (accuracy * samples + 2) / (samples + 4)
    return math.sqrt(max(0.0, share * (1 - share)) / (samples + 4))


def over_samples(mean: float, low: float, high: float, samples: int) -> tuple[float, float]:
    """A 95 % interval of a mean accuracy over seeds, widened by the samples that all of them share;
    as it is where their number is not known."""
    if not samples:
        return low, high
    half = 1.96 * standard_error(mean, samples)
    return mean - math.hypot(mean - low, half), mean + math.hypot(high - mean, half)


def known_validation(study: StudyRecord) -> Validation | None:
    """As `validation_of`; None where it is not known."""
    try:
        return validation_of(study)
    except Unavailable:
        return None


def best_error(study: StudyRecord, value: float | None) -> float | None:
    """Standard error of one value of the study; None where it is not known.

    It reads the study anew: for many values take `known_validation` once.
    """
    known = known_validation(study)
    return None if known is None or value is None else known.error(value)


def alike(scores: Sequence[float], errors: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Which scores cannot be told from the largest: they hold the truly best one at `level`.

    Gupta's subset selection (Technometrics 7, 1965), exact for independent errors of one size.
    Trials that share their validation samples err alike, so that the subset is larger than it must
    be rather than too small.
    """
    best = max(range(len(scores)), key=scores.__getitem__)
    far = _distance(len(scores), level)
    return [
        scores[best] - score <= far * math.sqrt((error**2 + errors[best] ** 2) / 2)
        for score, error in zip(scores, errors, strict=True)
    ]


@lru_cache(maxsize=1000)
def _distance(count: int, level: float) -> float:
    """By how many standard errors the best of `count` equals is behind the largest at most."""
    x = np.linspace(-6, 6, 241)
    normal = NormalDist()
    weights = np.array([normal.pdf(v) for v in x]) * (x[1] - x[0])
    low, high = 0.0, 12.0
    for _ in range(30):
        middle = (low + high) / 2
        cdf = np.array([normal.cdf(v + middle) for v in x])
        chance = float(np.sum(weights * cdf ** (count - 1)))
        low, high = (middle, high) if chance < level else (low, middle)
    return high


def chance_to_reach(accuracy: float, validation: Validation, trials: int) -> float:
    """The chance that the best of so many trials that know nothing but the most frequent class is
    as accurate: a binomial tail, corrected for the number of trials (Sidak)."""
    from scipy.stats import binom

    hits = round(accuracy * validation.samples)
    one = float(binom.sf(hits - 1, validation.samples, validation.majority))
    return -math.expm1(trials * math.log1p(-one)) if one < 1 else 1.0
