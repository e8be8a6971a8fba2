"""A parameter cut into cells: one per value when it has few, equal bins of its range otherwise.

Bins are equal parts of the *declared* range (of its logarithm when it is sampled so), not
quantiles of what was tried: where nobody went must stay visible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.analysis.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord

MOST_VALUES = 12
BINS = 4


@dataclass(frozen=True)
class Cells:
    """`labels` in order; `edges` are the BINS + 1 borders of a binned parameter, else None."""

    param: str
    labels: tuple[str, ...]
    edges: tuple[float, ...] | None = None

    def index(self, value: Any) -> int | None:
        """The cell of a value; None when it belongs to none (an undeclared category)."""
        if self.edges is None:
            text = label_of(value)
            return self.labels.index(text) if text in self.labels else None
        inner = self.edges[1:-1]
        return sum(float(value) >= edge for edge in inner)

    def split(self, trials: Sequence[TrialRecord]) -> list[list[TrialRecord]]:
        """The trials of each cell; trials without the parameter are in none."""
        groups: list[list[TrialRecord]] = [[] for _ in self.labels]
        for trial in trials:
            if self.param in trial.params:
                at = self.index(trial.params[self.param])
                if at is not None:
                    groups[at].append(trial)
        return groups


def cells_of(study: StudyRecord, param: str) -> Cells:
    """The cells of a parameter of the study's space."""
    distribution = study.space[param]
    values = _declared_values(distribution)
    if values is not None and len(values) <= MOST_VALUES:
        tried = {t.params[param] for t in study.trials if _extra(t, param, values)}
        if isinstance(distribution, IntDistribution):
            values = sorted({*values, *tried})
        return Cells(param, tuple(label_of(v) for v in values))
    if isinstance(distribution, CategoricalDistribution):
        return Cells(param, tuple(label_of(v) for v in distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    edges = _edges(distribution.low, distribution.high, distribution.log)
    labels = tuple(f"{a:.2g} to {b:.2g}" for a, b in zip(edges, edges[1:], strict=False))
    return Cells(param, labels, edges)


def label_of(value: Any) -> str:
    """How a value is written in tables; floats short, everything else as Python shows it."""
    if isinstance(value, bool) or value is None:
        return str(value)
    return _number(value) if isinstance(value, float) else plain(value)


def _extra(trial: TrialRecord, param: str, values: Sequence[Any]) -> bool:
    return param in trial.params and trial.params[param] not in values


def _declared_values(distribution: BaseDistribution) -> list[Any] | None:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        count = (distribution.high - distribution.low) // distribution.step + 1
        if count > MOST_VALUES:
            return None
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    return None


def _edges(low: float, high: float, log: bool) -> tuple[float, ...]:
    if low == high:
        return (low, high)
    if log:
        a, b = math.log(low), math.log(high)
        return tuple(math.exp(a + (b - a) * i / BINS) for i in range(BINS + 1))
    return tuple(low + (high - low) * i / BINS for i in range(BINS + 1))


def _number(value: float) -> str:
    return f"{value:.3g}"
