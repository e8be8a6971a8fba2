"""The search space: what is searched, fixed and allowed.

What the sweeper varies, what it passes on, what a trial may contain.

How it is written in YAML and on the command line: `parse.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import BaseTrial, Trial

from zmodel.core.suggestion import suggestion
from zmodel.study.distribution_values import checked, enumerate_values
from zmodel.sweep.space.condition import Condition, parents
from zmodel.sweep.space.custom_function import ask_function
from zmodel.sweep.space.override_text import value_text


@dataclass(frozen=True)
class SearchSpace:
    """The declared parameters in the order in which a trial is asked for them. Plain data.

    Attributes:
        distributions: what may be varied. Keys are override keys (`model.z_layers`, `+new`).
        fixed: overrides handed to every trial as they are (`seed=3`, `~key`).
        conditions: when a parameter exists; always, for those not in it.
        labels: choices that Optuna cannot store, by the label it stores instead.
        groups: the parameters that choose a file of a config group.
        custom: dotted path of a function that asks further parameters in Python.
    """

    distributions: dict[str, BaseDistribution]
    fixed: list[str] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    custom: str | None = None

    def decode(self, name: str, value: Any) -> Any:
        """The Python value that a stored value stands for."""
        labels = self.labels.get(name, {})
        return labels.get(value, value) if isinstance(value, str) else value

    def is_active(self, name: str, params: Mapping[str, Any]) -> bool:
        """Whether a trial with these earlier `params` has the parameter `name`."""
        condition = self.conditions.get(name)
        if condition is None:
            return True
        return condition.holds({key: self.decode(key, value) for key, value in params.items()})

    def suggest(
        self,
        trial: BaseTrial,
        config: DictConfig | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask the trial for every active parameter, and the custom function for its own.

        Args:
            config: is handed to the custom function.
            given: what the trial was enqueued with.

        Raises:
            ValueError: a value in the trial was tampered with, or it was enqueued with a parameter
                that nobody asks for.
        """
        params: dict[str, Any] = {}
        carried = trial.params
        for name, distribution in self.distributions.items():
            if self.is_active(name, params):
                value = carried[name] if name in carried else _ask(trial, name, distribution)
                params[name] = checked(name, value, distribution)
        if self.custom is not None:
            assert isinstance(trial, Trial)
            params |= ask_function(self.custom, config, trial)
        unasked = [name for name in given or {} if name not in params]
        if unasked:
            declared = [*unasked, *self.distributions]
            self.validate({k: v for k, v in (given or {}).items() if k in declared})
        return params

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """Hydra overrides that read back as exactly these values."""
        return [f"{name}={value_text(self.decode(name, value))}" for name, value in params.items()]

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The declared parameters among strangers' values, or a ValueError naming the culprit.

        Whoever can write to the storage could otherwise override anything in the configuration.
        Parameters may be missing: a partly given trial. Values come back in their canonical type.
        """
        accepted: dict[str, Any] = {}
        for name, value in params.items():
            if name not in self.distributions:
                raise ValueError(
                    f"a trial may only set parameters of the search space, received {name!r}; "
                    f"{suggestion(name, self.distributions)}"
                )
            accepted[name] = checked(name, value, self.distributions[name])
        for name in accepted:
            if self._parents_known(name, accepted) and not self.is_active(name, accepted):
                raise ValueError(
                    f"{name} only exists when {self.conditions[name]}; got {dict(params)}. "
                    f"Leave it out."
                )
        return accepted

    def _parents_known(self, name: str, params: Mapping[str, Any]) -> bool:
        return name in self.conditions and parents(self.conditions[name]) <= set(params)

    def values(self, name: str) -> list[Any]:
        """Every stored value of a parameter in order; ValueError for an endless one."""
        return enumerate_values(name, self.distributions[name])

    def to_json(self) -> dict[str, Any]:
        """The fingerprint's part; `["distributions"]` is the study's attribute `space`."""
        return {
            "distributions": {k: distribution_to_json(d) for k, d in self.distributions.items()},
            "conditions": {name: str(condition) for name, condition in self.conditions.items()},
        }

    def domains(self) -> dict[str, list[Any] | None]:
        """What conditions may compare with: the choices of each parameter, None for numbers."""
        return {
            name: [self.decode(name, choice) for choice in distribution.choices]
            if isinstance(distribution, CategoricalDistribution)
            else None
            for name, distribution in self.distributions.items()
        }


def _ask(trial: BaseTrial, name: str, asked: BaseDistribution) -> Any:
    if isinstance(asked, CategoricalDistribution):
        return trial.suggest_categorical(name, asked.choices)
    if isinstance(asked, IntDistribution):
        return trial.suggest_int(name, asked.low, asked.high, step=asked.step, log=asked.log)
    assert isinstance(asked, FloatDistribution)
    return trial.suggest_float(name, asked.low, asked.high, step=asked.step, log=asked.log)
