"""How surely values still rise at an end of an axis, all other parameters alike.

A quadratic response surface (Box and Wilson 1951) is fitted to the trials: values of few choices
have a level each, other parameters a slope, which may depend on the depth, and a bend. Results
enter by the normal scores of their ranks (Blom 1958), so that a few diverged trials do not decide.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from zmodel.analysis.statistics.scale import scale_of
from zmodel.analysis.statistics.selection import structural
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

Floats = NDArray[np.float64]
LEAST_FREE, WORST = 8, 0.25
"""Degrees of freedom that a fit must leave: fewer trials say nothing."""


@dataclass(frozen=True)
class Surface:
    """`results` of the trials, larger is better, the worst quarter counted as its best; their
    normal `scores`; `columns`: of each parameter that varies, what results may owe to it.

    Of a range the first column is the place, from -.5 to .5.
    """

    results: Floats
    scores: Floats
    columns: dict[str, Floats]

    def rises(self, axis: Floats, without: Collection[str]) -> float | None:
        """The p-value of no rise along the axis, beside all parameters but those `without`, by
        Student's test; None where trials are too few."""
        return _p_value(*_slope(self.scores, self._design([axis], without), (1.0,)))

    def rises_at(self, place: float, axis: Floats, without: Collection[str]) -> float | None:
        """As `rises`, at this place of the axis, along which results may bend."""
        design = self._design([axis, axis**2], without)
        return _p_value(*_slope(self.scores, design, (1.0, 2 * place)))

    def slope_at(self, place: float, axis: Floats, without: Collection[str]) -> float:
        """How fast results rise there, in their own unit."""
        return _slope(self.results, self._design([axis, axis**2], without), (1.0, 2 * place))[0]

    def _design(self, axis: list[Floats], without: Collection[str]) -> Floats:
        others = [c for name, c in self.columns.items() if name not in without]
        return np.column_stack([*axis, np.ones(len(self.scores)), *others])


def _slope(values: Floats, design: Floats, first: tuple[float, ...]) -> tuple[float, float, int]:
    """The sum of the first coefficients with these weights, its error, degrees of freedom."""
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    fitted = inverse @ design.T @ values
    free = len(values) - int(np.linalg.matrix_rank(design))
    weights = np.zeros(design.shape[1])
    weights[: len(first)] = first
    residual = values - design @ fitted
    spread = residual @ residual / max(free, 1)
    return float(weights @ fitted), float(np.sqrt(spread * (weights @ inverse @ weights))), free


def _p_value(slope: float, error: float, free: int) -> float | None:
    return float(student.sf(slope / max(error, 1e-12), free)) if free >= LEAST_FREE else None


def surface(study: StudyRecord, trials: Sequence[TrialRecord], results: Sequence[float]) -> Surface:
    """`results`: of the trials, larger is better."""
    names = [
        name
        for name, distribution in study.space.items()
        if not distribution.single() and all(name in t.params for t in trials)
    ]
    depth = _depth(study, trials)
    ranks = (rankdata(results) - 0.375) / (len(results) + 0.25)
    return Surface(
        np.maximum(results, np.quantile(results, WORST)),
        np.asarray(norm.ppf(ranks), dtype=float),
        {name: _columns(study, trials, name, depth) for name in names},
    )


def _depth(study: StudyRecord, trials: Sequence[TrialRecord]) -> Floats:
    """The place of the first structural parameter; the same for all where there is none."""
    names = [n for n in structural(study)[:1] if all(n in t.params for t in trials)]
    return _places(study, trials, names[0]) if names else np.zeros(len(trials))


def _places(study: StudyRecord, trials: Sequence[TrialRecord], param: str) -> Floats:
    scale = scale_of(study, param)
    return np.array([scale.unit(t.params[param]) for t in trials]) - 0.5


def _columns(
    study: StudyRecord, trials: Sequence[TrialRecord], param: str, depth: Floats
) -> Floats:
    cells = cells_of(study, param)
    if cells.are_ranges:
        place = _places(study, trials, param)
        return np.column_stack([place, place**2, place * depth])
    at = np.array([cells.at(t.params[param]) or 0 for t in trials], dtype=int)
    return np.equal.outer(at, np.unique(at)[1:]).astype(float)
