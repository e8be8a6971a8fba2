"""Hydra's sweep syntax as Optuna distributions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    RangeSweep,
)
from hydra_plugins.hydra_optuna_sweeper._impl import create_optuna_distribution_from_override
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.sweep.space.override_text import same

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
        return _range(override, sweep), {}
    if isinstance(sweep, ChoiceSweep):
        return _choices(name, [Override._convert_value(value) for value in sweep.list])
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


def _range(override: Override, sweep: RangeSweep) -> BaseDistribution:
    name = override.get_key_element()
    if sweep.step == 0:
        raise ValueError(f"{name}: the step of a range must not be 0. Give another one.")
    sweep.shuffle = False
    if not list(sweep.range()):
        raise ValueError(
            f"{name}: range({sweep.start}, {sweep.stop}, {sweep.step}) is empty. The end is left "
            "out: range(2, 5) gives 2, 3 and 4."
        )
    # The upstream function chooses a float grid only where its values are exact.
    return create_optuna_distribution_from_override(override)


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


def enumerate_values(name: str, distribution: BaseDistribution) -> list[Any]:
    """The values of a categorical, integer or stepped float distribution, in order."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    assert isinstance(distribution, FloatDistribution)
    if distribution.low == distribution.high:
        return [distribution.low]
    if distribution.step is None:
        raise ValueError(
            f"{name} has endless values, interval({distribution.low}, {distribution.high}); here "
            "they must be countable. Use choice(...), range(...) or int(interval(...))."
        )
    steps = round((distribution.high - distribution.low) / distribution.step)
    return [distribution.low + i * distribution.step for i in range(steps + 1)]


def checked(name: str, value: Any, distribution: BaseDistribution) -> Any:
    """`value` in the type of the distribution, if it lies in it; else ValueError."""
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            if same(choice, value):
                return choice
    elif not isinstance(value, bool) and isinstance(value, (int, float)):
        with suppress(ValueError, OverflowError):  # nan, 0 on a log scale, 10**400
            if distribution._contains(distribution.to_internal_repr(value)):
                return float(value) if isinstance(distribution, FloatDistribution) else int(value)
    raise ValueError(
        f"{name} must lie in the search space, {distribution}; got {value!r}. Give such a value."
    )
