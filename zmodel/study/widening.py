"""Continues a study with a wider search space.

What counts as wider, and the phases it makes.

Trials of all phases count alike. A trial's phase follows from its number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    json_to_distribution,
)

from zmodel.core.equality import same
from zmodel.study.distribution_values import checked
from zmodel.study.folder import another_study

PHASES = "phases"
"""Attribute of a study: for each widening its time, the trials before it, and the old space."""

Follows = Callable[[str, Any, Any], bool]
"""Whether a fixed setting changes only because the space does: key, value before, value now."""


def is_wider(old: BaseDistribution, new: BaseDistribution) -> bool:
    """Whether `new` has all values of `old` and is sampled on the same scale."""
    if isinstance(old, CategoricalDistribution) and isinstance(new, CategoricalDistribution):
        return all(any(same(a, b) for b in new.choices) for a in old.choices)
    if isinstance(old, CategoricalDistribution) or type(old) is not type(new):
        return False
    assert isinstance(old, (FloatDistribution, IntDistribution))
    assert isinstance(new, (FloatDistribution, IntDistribution))
    if (old.log, old.step) != (new.log, new.step):
        return False
    shift = Decimal(str(old.low)) - Decimal(str(new.low))
    on_grid = old.step is None or shift % Decimal(str(old.step)) == 0
    return on_grid and new.low <= old.low and old.high <= new.high


def check_wider(old: Mapping[str, Any], new: Mapping[str, Any], follows: Follows) -> None:
    """Compare two fingerprints.

    Raises:
        ValueError: they differ in more than wider bounds and further choices.
    """
    wrong = [
        f"{key}: {json.dumps(old[key])} -> {json.dumps(new[key])}"
        for key in ("direction", "objective", "conditions")
        if old[key] != new[key]
    ]
    if None not in (old["data"], new["data"]) and old["data"] != new["data"]:
        wrong.append("data: they are others")
    for name in dict.fromkeys([*old["space"], *new["space"]]):
        a, b = old["space"].get(name), new["space"].get(name)
        if a is None or b is None:
            wrong.append(f"space.{name}: {'removed' if b is None else 'new'}")
        elif not is_wider(distribution(a), distribution(b)):
            wrong.append(f"space.{name}: {distribution(a)} -> {distribution(b)}")
    for key in dict.fromkeys([*old["fixed"], *new["fixed"]]):
        before, now = (made["fixed"].get(key, "(absent)") for made in (old, new))
        if before != now and not follows(key, before, now):
            wrong.append(f"fixed.{key}: {json.dumps(before)} -> {json.dumps(now)}")
    if wrong:
        listed = "\n  ".join(wrong)
        raise ValueError(
            "hydra.sweeper.on_change=widen takes wider bounds and further choices of the "
            f"parameters that the study searches, with all else as it was; received:\n  {listed}\n"
            "Leave these as they were, or make it a study of its own "
            f"({another_study(new['objective'])})."
        )


def distribution(told: Any) -> BaseDistribution:
    """As a fingerprint has it."""
    return json_to_distribution(json.dumps(told))


def under(
    space: Mapping[str, BaseDistribution],
    params: Mapping[str, Any],
    asked: Mapping[str, BaseDistribution],
) -> dict[str, BaseDistribution]:
    """The distributions of a trial as if it had been asked for `space`, where its values fit."""
    return {
        name: space[name] if name in space and _fits(name, params[name], space[name]) else before
        for name, before in asked.items()
    }


def _fits(name: str, value: Any, distribution: BaseDistribution) -> bool:
    try:
        checked(name, value, distribution)
    except ValueError:
        return False
    return True


def note_phase(study: optuna.Study, old: Mapping[str, Any]) -> None:
    """A new phase begins; `old` is the fingerprint of the one before."""
    begun = {
        "time": time.time(),
        "trials": len(study.get_trials(deepcopy=False)),
        "space": {name: json.dumps(told) for name, told in old["space"].items()},
    }
    study.set_user_attr(PHASES, [*study.user_attrs.get(PHASES, []), begun])


def phase_starts(attrs: Mapping[str, Any]) -> list[int]:
    """The number of the first trial of each further phase; empty for a study of one."""
    told = attrs.get(PHASES)
    found = [p.get("trials") for p in told if isinstance(p, dict)] if isinstance(told, list) else []
    return [n for n in found if isinstance(n, int) and not isinstance(n, bool)]


def phase_of(number: int, attrs: Mapping[str, Any]) -> int:
    """The phase of a trial by its number, counted from 1."""
    return 1 + sum(number >= start for start in phase_starts(attrs))
