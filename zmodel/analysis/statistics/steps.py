"""Steps at which curves are compared, and the best so far at each.

Steps are epochs in zmodel. Other studies report by batch or every thousandth step, and then rows
of one column per possible step would be long and empty: only steps that some trial reported count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from zmodel.analysis.statistics.selection import curve_sign
from zmodel.study.records import StudyRecord, TrialRecord

# no figure shows more; of a finer grid every so many steps are taken, and the last
MOST = 500


def grid(curves: Iterable[Mapping[int, float]]) -> np.ndarray:
    """The steps reported in any of the curves, ascending, at most MOST of them."""
    steps = np.array(sorted({step for curve in curves for step in curve}), dtype=int)
    if len(steps) <= MOST:
        return steps
    return steps[np.linspace(0, len(steps) - 1, MOST).round().astype(int)]


def at(curve: Mapping[int, float], steps: np.ndarray, before: float) -> np.ndarray:
    """The latest finite value at each of `steps`; `before` where none was reported yet."""
    known = sorted((step, value) for step, value in curve.items() if np.isfinite(value))
    if not known:
        return np.full(len(steps), before)
    reported, values = (np.array(column) for column in zip(*known, strict=True))
    places = np.searchsorted(reported, steps, side="right") - 1
    return np.where(places >= 0, values[places], before)


def running_best(study: StudyRecord, trial: TrialRecord, steps: np.ndarray) -> np.ndarray:
    """Best-so-far scores at `steps`; a trial that ended keeps its best, NaN reports are skipped."""
    scores = {step: curve_sign(study) * value for step, value in trial.curve.items()}
    return np.maximum.accumulate(at(scores, steps, -np.inf)) if len(steps) else np.array([])
