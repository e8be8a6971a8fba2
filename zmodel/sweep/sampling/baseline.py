"""The baseline: the configuration as composed, without the search.

It is a trial like any other, so each of its values must lie in the search space. A number outside
is moved to the nearest one inside, and that is said. Where nothing else is near, as for a name
that is no choice, the study has no baseline, and that is said too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from zmodel.core.equality import same
from zmodel.study.distribution_values import checked, exact, in_words
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.sweeper import plain
from zmodel.sweep.workers.job import Job


@dataclass(frozen=True)
class ComposedPoint:
    """The configuration as composed, as a point of the search space.

    Attributes:
        moved: for each parameter whose composed value lies outside, that value and the one taken.
    """

    params: dict[str, Any]
    moved: dict[str, list[Any]]

    @property
    def attrs(self) -> dict[str, Any]:
        """What its trial notes."""
        return {"baseline": True, **({"baseline_moved": self.moved} if self.moved else {})}

    @property
    def note(self) -> str:
        """What the user should know of the moved values."""
        parts = (f"{name}={a} is taken as {b}" for name, (a, b) in self.moved.items())
        return (
            f"the baseline must lie in the search space: {', '.join(parts)}. To compare with the "
            "configuration as it is, search a space that holds it"
        )


class NoBaseline(ValueError):
    """Why a study has none, with a way to have one."""


def baseline_of(settings: Settings, space: SearchSpace, job: Job, given: int) -> ComposedPoint:
    """The configuration as composed, with the overrides of the command that search nothing.

    Args:
        given: configurations that the user wants to be tried first.

    Raises:
        NoBaseline: there is no room for it, it does not compose, or it has a value that no point
            of the space is near to.
    """
    if settings.n_trials is not None and max(1, given) >= settings.n_trials:
        what = f"the {given} given configurations fill" if given else "one trial fills"
        raise NoBaseline(f"{what} the budget of {settings.n_trials}")
    if space.custom is not None:
        raise NoBaseline("hydra.sweeper.custom_search_space asks for parameters in Python")
    try:
        cfg = job.compose(space.fixed, 0, settings.folder, {})
    except (HydraException, OmegaConfBaseException):
        raise NoBaseline("the configuration does not compose without the search") from None
    params: dict[str, Any] = {}
    moved: dict[str, list[Any]] = {}
    for name in space.distributions:
        if not space.is_active(name, params):
            continue
        composed = _composed(name, cfg, space)
        params[name] = _stored(name, composed, space)
        if composed != space.decode(name, params[name]):
            moved[name] = [composed, params[name]]
    return ComposedPoint(params, moved)


def _composed(name: str, cfg: DictConfig, space: SearchSpace) -> Any:
    if name in space.groups:
        return plain(cfg.hydra.runtime.choices.get(name))
    try:
        value = plain(OmegaConf.select(cfg, name.lstrip("+")))
        return value.name if isinstance(value, Enum) else value  # as an override names it
    except OmegaConfBaseException:  # it refers to what is not there
        return None


def _stored(name: str, composed: Any, space: SearchSpace) -> Any:
    """The composed value as the study stores it, or the nearest one to it."""
    distribution = space.distributions[name]
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        for choice in choices:
            if same(space.decode(name, choice), composed):
                return choice
        numbers = [c for c in choices if _is_number(c)]
        if _is_number(composed) and len(numbers) == len(choices):
            return min(numbers, key=lambda choice: abs(choice - composed))
    elif _is_number(composed):
        return checked(name, _nearest(float(composed), distribution), distribution)
    if composed is None:
        raise NoBaseline(f"{name} has no value outside of the search")
    raise NoBaseline(
        f"{name} has the value {composed!r} outside of the search, which is not among "
        f"{in_words(distribution)}"
    )


def _nearest(value: float, distribution: BaseDistribution) -> Any:
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    inside = min(max(value, distribution.low), distribution.high)
    if distribution.step is None:
        return inside
    steps = round((inside - distribution.low) / distribution.step)
    return exact(distribution.low + steps * distribution.step, distribution)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
