"""Converts Hydra's sweep syntax to Optuna distributions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from math import ceil, isfinite
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.core.equality import same
from zmodel.study.distribution_values import listable
from zmodel.sweep.space.override_text import plain

EXAMPLES = (
    "choice(a, b), range(2, 5) for 2 3 4, interval(0.1, 1), int(interval(1, 8)) for 1 to 8, "
    "tag(log, interval(1e-4, 1e-1)) or tag(log, int(interval(4, 64)))"
)


def distribution(override: Override) -> tuple[BaseDistribution, dict[str, Any]]:
    """The distribution of one swept parameter, and what its stand-in labels mean.

    Optuna stores only None, bool, int, float and str as choices and takes 1, 1.0 and True for the
    same. A choice it cannot hold or tell apart is therefore stored as a label, its JSON text; the
    second value maps such labels to the choices. It is empty for nearly every parameter.

    Shuffling is ignored: the order of choices means nothing to a sampler, and a random one would
    make each start of the study a different study. ValueError names the parameter.
    """
    name, sweep = override.get_key_element(), override.value()
    known = {"log"} if isinstance(sweep, IntervalSweep) else set()
    unknown: set[str] = getattr(sweep, "tags", set()) - known
    if unknown:
        raise ValueError(
            f"{name}: the only tag is `log`, and only on an interval; got {sorted(unknown)}. "
            f"The forms are: {EXAMPLES}."
        )
    if isinstance(sweep, IntervalSweep):
        return _interval(name, sweep), {}
    if isinstance(sweep, RangeSweep):
        numbers = _range(name, sweep)
        if not sweep.transformers:
            return numbers, {}
        listable(name, numbers)
        return _choices(name, sweep)  # float(range(1, 4)) gives 1.0, 2.0 and 3.0
    if isinstance(sweep, ChoiceSweep):
        return _choices(name, map(plain, sweep.list))
    if override.config_loader is None:
        raise ValueError(f"{name}: glob(...) cannot be read here. List the options: choice(a, b).")
    return _choices(name, override.sweep_iterator())


def _interval(name: str, sweep: IntervalSweep) -> BaseDistribution:
    low, high = sweep.start, sweep.end
    assert low is not None and high is not None
    log = "log" in sweep.tags
    if not low <= high:
        raise ValueError(
            f"{name}: the lower bound must not exceed the upper one; got {low} > {high}. "
            "Swap them or change one."
        )
    if log and low <= 0:
        raise ValueError(
            f"{name}: a log scale needs a lower bound above 0; got {low}. Raise it or drop `log`."
        )
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def _range(name: str, sweep: RangeSweep) -> IntDistribution | FloatDistribution:
    """From its ends and step alone, counted in decimals: `range(0, 1, 0.1)` ends at 0.9."""
    sweep.shuffle = False
    given = (sweep.start, sweep.stop, sweep.step)
    if not all(isfinite(number) for number in given if number is not None):
        raise ValueError(f"{name}: the ends and the step of a range must be finite; got {given}.")
    start, stop, step = (Decimal(str(number)) for number in given)
    if step == 0:
        raise ValueError(f"{name}: the step of a range must not be 0. Give another one.")
    count = ceil((stop - start) / step)
    if count <= 0:
        raise ValueError(
            f"{name}: range({start}, {stop}, {step}) is empty. The end is left "
            "out: range(2, 5) gives 2, 3 and 4."
        )
    low, high = sorted((start, start + (count - 1) * step))
    if all(isinstance(number, int) for number in given):
        return IntDistribution(int(low), int(high), step=int(abs(step)))
    read = [Decimal(str(float(number))) for number in (low, high, abs(step))]
    if read != [low, high, abs(step)] or count > 2**53:
        raise ValueError(
            f"{name}: the values of range({start}, {stop}, {step}) have more digits than a float "
            "holds. Use a rounder step, or interval(...)."
        )
    return FloatDistribution(float(low), float(high), step=float(abs(step)))


def _choices(name: str, values: Iterable[Any]) -> tuple[BaseDistribution, dict[str, Any]]:
    given = list(values)
    choices: list[Any] = []
    labels: dict[str, Any] = {}
    for i, value in enumerate(given):
        if any(same(value, other) for other in given[:i]):
            raise ValueError(f"{name}: the choice {value!r} is given twice. Remove one.")
        if isinstance(value, (list, dict)) or value in choices:
            label = json.dumps(value, ensure_ascii=False)
            while label in given or label in choices:  # also offered as a string of its own
                label += " "
            labels[label] = value
            value = label
        choices.append(value)
    if not choices:
        raise ValueError(f"{name}: there is nothing to choose from. The forms are: {EXAMPLES}.")
    return CategoricalDistribution(choices), labels
