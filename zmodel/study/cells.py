"""Cuts a parameter into cells: its values, or ranges of them.

Floors, the policy, the report and the verdicts speak of the same cells by the same labels. Ranges
are equal parts of the *declared* range (of its logarithm when it is sampled so), not quantiles of
what was tried: where nobody went must stay visible.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.core.equality import same
from zmodel.study.distribution_values import MOST_LISTED, count_values, value_at
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord, TrialRecord

MOST_VALUES = 12
"""A parameter with more values is cut into ranges, unless each of its values has a floor."""
RANGES = 4


@dataclass(frozen=True)
class Cell:
    """One value of a parameter, or one range of values.

    Attributes:
        target: the value, or (low, high), both included, for a range.
    """

    param: str
    target: Any
    label: str

    @property
    def is_range(self) -> bool:
        return isinstance(self.target, tuple)

    @property
    def name(self) -> str:
        """As it is called outside the parameter's own tables: `lr=0.001 to 0.01`."""
        return f"{self.param}={self.label}"

    def holds(self, value: Any) -> bool:
        """Whether a trial with this value, or forced to it, counts for the cell.

        A range that is forced but not drawn from yet comes as [low, high], as it is stored.
        """
        if not self.is_range:
            return bool(same(value, self.target)) or _close(value, self.target)
        if isinstance(value, (list, tuple)):
            return bool(tuple(value) == self.target)
        return _is_number(value) and bool(self.target[0] <= value <= self.target[1])


@dataclass(frozen=True)
class Cells(Sequence[Cell]):
    """All cells of a parameter, in order of their values."""

    param: str
    cells: tuple[Cell, ...]

    def __getitem__(self, at: Any) -> Any:
        return self.cells[at]

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(cell.label for cell in self.cells)

    @property
    def are_ranges(self) -> bool:
        return any(cell.is_range for cell in self.cells)

    def at(self, value: Any) -> int | None:
        """The place of a value's cell; None when it has none, as an undeclared category.

        A number beyond the declared ranges counts for the nearest.
        """
        if not self.are_ranges:
            known = self._places.get((type(value), value))
            near = (i for i, cell in enumerate(self.cells) if _close(value, cell.target))
            return known if known is not None else next(near, None)
        if not _is_number(value):
            return None
        return sum(bool(value >= cell.target[0]) for cell in self.cells[1:])

    def label_of(self, trial: TrialRecord) -> str | None:
        """The label of the trial's cell."""
        at = self.at(trial.params[self.param]) if self.param in trial.params else None
        return None if at is None else self.labels[at]

    def split(self, trials: Iterable[TrialRecord]) -> list[list[TrialRecord]]:
        """The trials of each cell; trials without the parameter are in none."""
        groups: list[list[TrialRecord]] = [[] for _ in self.cells]
        for trial in trials:
            at = self.at(trial.params[self.param]) if self.param in trial.params else None
            if at is not None:
                groups[at].append(trial)
        return groups

    @cached_property
    def _places(self) -> dict[tuple[type, Any], int]:
        return {(type(cell.target), cell.target): i for i, cell in enumerate(self.cells)}


def cells_of(study: StudyRecord, param: str) -> Cells:
    """The cells that the study's floors speak of, else values or ranges by the parameter's size."""
    distribution = study.space[param]
    if isinstance(distribution, CategoricalDistribution):
        return value_cells(param, distribution.choices)
    floors = study.attrs.get("coverage")
    floor = floors.get(param) if isinstance(floors, Mapping) else None
    ranges = floor.get("bins") if isinstance(floor, Mapping) else None
    count = count_values(distribution)
    if isinstance(ranges, int) and 0 < ranges <= MOST_LISTED:
        return range_cells(param, distribution, ranges)
    if count is None or count > (MOST_LISTED if floor else MOST_VALUES):
        return range_cells(param, distribution, RANGES)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    values = [value_at(i, distribution) for i in range(count)]
    if isinstance(distribution, IntDistribution):  # its bounds may have been moved
        tried = {t.params[param] for t in study.trials if _is_number(t.params.get(param))}
        values = sorted({*values, *tried})
    return value_cells(param, values)


def value_cells(param: str, values: Sequence[Any]) -> Cells:
    """A cell for each of `values`."""
    labels = _distinct(values)
    return Cells(param, tuple(Cell(param, v, t) for v, t in zip(values, labels, strict=True)))


def range_cells(param: str, distribution: BaseDistribution, count: int) -> Cells:
    """`count` ranges of equal probability under the declared distribution, uniform or log-uniform.

    They touch but do not overlap. A parameter with fewer values has as many ranges as values.
    """
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if count_values(distribution) is None:
        edges = [_edge(distribution, i / count) for i in range(count + 1)]
        shown = list(itertools.pairwise(edges))
        below = (math.nextafter(edge, -math.inf) for edge in edges[1:-1])
        targets = list(zip(edges, [*below, edges[-1]], strict=False))
    else:
        places = itertools.pairwise(_starts(distribution, count))
        shown = targets = [
            (value_at(i, distribution), value_at(j - 1, distribution)) for i, j in places
        ]
    numbers = sorted({*itertools.chain(*shown)})
    texts = dict(zip(numbers, _distinct(numbers), strict=True))
    labels = [texts[a] if a == b else f"{texts[a]} to {texts[b]}" for a, b in shown]
    return Cells(param, tuple(Cell(param, t, x) for t, x in zip(targets, labels, strict=True)))


def value_label(value: Any) -> str:
    """How a value is written in tables; floats short, everything else as Python shows it."""
    return f"{value:.3g}" if isinstance(value, float) else plain(value)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The last part of each dotted name; the whole name where two would be called alike."""
    last = {name: name.rsplit(".", 1)[-1] for name in names}
    counts = Counter(last.values())
    return {name: plain(name if counts[end] > 1 else end) for name, end in last.items()}


def assignments(params: Mapping[str, Any]) -> list[str]:
    """`lr=0.0109` for every parameter."""
    names = short_names(params)
    return [f"{names[name]}={value_label(value)}" for name, value in params.items()]


def _edge(distribution: FloatDistribution | IntDistribution, share: float) -> float:
    """Below it lies this share of the declared range, half a step of which is beyond its ends."""
    half = (distribution.step or 0) / 2
    low, high = distribution.low - half, distribution.high + half
    if share in (0, 1):  # exactly
        return high if share else low
    if distribution.log:
        return math.exp(math.log(low) + (math.log(high) - math.log(low)) * share)
    return low + (high - low) * share


def _starts(distribution: FloatDistribution | IntDistribution, ranges: int) -> list[int]:
    """The place of the first value of each range, and the number of values."""
    count, step = count_values(distribution), distribution.step
    assert count is not None
    ranges = min(ranges, count)
    edges = [_edge(distribution, i / ranges) for i in range(1, ranges)]
    # rounded first: 1.5 / .1 is 15.000000000000002
    inner = [math.ceil(round((edge - distribution.low) / (step or 1), 9)) for edge in edges]
    starts = [0, *inner, count]
    if all(a < b for a, b in itertools.pairwise(starts)):
        return starts
    # a log scale leaves the low ranges empty: share the values out evenly
    return [count * i // ranges for i in range(ranges + 1)]


def _distinct(values: Sequence[Any]) -> list[str]:
    """Labels that differ: with more digits, or with their types, where the short ones are equal."""
    for write in (value_label, lambda v: f"{v:.6g}" if isinstance(v, float) else plain(v)):
        labels = [write(value) for value in values]
        if len(set(labels)) == len(labels):
            return labels
    return [plain(repr(value)) for value in values]


def _close(value: Any, target: Any) -> bool:
    """Optuna counts up to .30000000000000004 where .3 is meant."""
    both = isinstance(value, float) and isinstance(target, float)
    return both and math.isclose(value, target, rel_tol=1e-9)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
