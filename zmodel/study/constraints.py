"""Constraints of a study as the user writes them.

The best configuration must keep these bounds.

    hydra.sweeper.constraints={parameters: "<= 50000", memory: "<= 2GB", val/loss: "<= 0.4"}

A trial that breaks one is infeasible: it counts as a trial, never as a result. How far it breaks
them is kept as Optuna's constraints (above 0 is infeasible), so that other programs see the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from zmodel.study.trial_attributes import attr

if TYPE_CHECKING:
    from zmodel.study.records import TrialRecord

FORM = re.compile(r"\s*(<=|>=)\s*([-+]?[\d_.]+(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*")
UNITS = {
    "": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "k": 1e3, "K": 1e3, "M": 1e6,
}  # fmt: skip
BROKEN = 1e9
"""The violation of what is not a number, and the largest of all."""
EXAMPLE = '{parameters: "<= 50000", memory: "<= 2GB", val/loss: "<= 0.4"}'


@dataclass(frozen=True)
class Constraint:
    """`name` must stay at or below `limit`, or with `least` at or above it; `text` as written."""

    name: str
    least: bool
    limit: float
    text: str

    def violation(self, value: float) -> float:
        """How far a value is beyond the limit, as a part of it; 0 or below: it keeps it."""
        if math.isnan(value):
            return BROKEN
        beyond = self.limit - value if self.least else value - self.limit
        return max(-BROKEN, min(BROKEN, beyond / (abs(self.limit) or 1.0)))

    def __str__(self) -> str:
        return f"{self.name} {self.text}"


def parse_constraints(given: Any) -> tuple[Constraint, ...]:
    """ValueError, with the form that is meant, for what cannot be read."""
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise ValueError(
            f"hydra.sweeper.constraints must be null or like {EXAMPLE}, received {given!r}."
        )
    return tuple(_parsed(str(name), text) for name, text in given.items())


def _parsed(name: str, text: Any) -> Constraint:
    found = FORM.fullmatch(text) if isinstance(text, str) else None
    try:
        limit = math.nan if found is None else float(found[2]) * UNITS[found[3]]
    except (ValueError, KeyError):
        limit = math.nan
    if found is None or not math.isfinite(limit):
        raise ValueError(
            f"hydra.sweeper.constraints.{name} must be <= or >= and a number, with a unit such as "
            f"MB or GiB where it is one of bytes, received {text!r}; for example {EXAMPLE}."
        )
    return Constraint(name, found[1] == ">=", limit, " ".join(text.split()))


def constraints_of(attrs: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """Those that a study notes among its attributes; none where somebody else wrote them."""
    try:
        return parse_constraints(attrs.get("constraints"))
    except ValueError:
        return ()


def violations(trial: FrozenTrial, constraints: Iterable[Constraint]) -> dict[str, float]:
    """By the constraints of now where what they bound is known of the trial, else as it notes.

    A trial of an earlier limit, or of a study begun without any, is thus judged like the others.
    """
    known = known_amounts(trial)
    current = {c.name: c.violation(known[c.name]) for c in constraints if c.name in known}
    return {**trial.constraints, **current}


def is_feasible(found: Mapping[str, float]) -> bool:
    """Whether no violation is above 0."""
    return all(value <= 0 for value in found.values())


def keeps(trial: FrozenTrial, constraints: Iterable[Constraint]) -> bool:
    """Whether a trial that has ended is feasible by the constraints of now."""
    return is_feasible(violations(trial, constraints))


def known_amounts(trial: FrozenTrial | TrialRecord) -> dict[str, float]:
    """What a trial notes of what constraints may bound."""
    parameters = attr(trial, "parameters")
    noted = {**attr(trial, "metrics", {}), **({"parameters": parameters} if parameters else {})}
    noted |= attr(trial, "amounts", {})
    return {
        str(name): float(value) for name, value in noted.items() if isinstance(value, int | float)
    }
