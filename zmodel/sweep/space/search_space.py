"""The search space: what the sweeper varies, what it passes on, and what a trial may contain.

How it is written in YAML and on the command line: `space.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.trial import BaseTrial, Trial

from zmodel.sweep.space.condition import Condition, parse_condition
from zmodel.sweep.space.custom import CustomSpace, ask_custom
from zmodel.sweep.space.distributions import checked, enumerate_values
from zmodel.sweep.space.override_text import parser, value_text


@dataclass(frozen=True)
class SearchSpace:
    """The declared parameters in the order in which a trial is asked for them.

    Attributes:
        distributions: what may be varied. Keys are override keys (`model.z_layers`, `+new`).
        fixed: overrides handed to every trial as they are (`seed=3`, `~key`).
        conditions: when a parameter exists; always, for those not in it.
        labels: choices that Optuna cannot store, by the label it stores instead.
        custom: a function that asks further parameters in Python.
    """

    distributions: dict[str, BaseDistribution]
    fixed: list[str] = field(default_factory=list)
    conditions: dict[str, Condition] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    custom: CustomSpace | None = field(default=None, compare=False)

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

    def suggest(self, trial: BaseTrial, config: DictConfig | None = None) -> dict[str, Any]:
        """Ask the trial for every active parameter, and the custom function for its own.

        The values are checked: a trial whose stored values were tampered with is a ValueError.
        `config` is handed to the custom function.
        """
        params: dict[str, Any] = {}
        for name, distribution in self.distributions.items():
            if self.is_active(name, params):
                params[name] = checked(name, trial._suggest(name, distribution), distribution)  # type: ignore[attr-defined]
        if self.custom is not None:
            assert isinstance(trial, Trial)
            for name, (value, distribution) in ask_custom(self.custom, config, trial).items():
                params[name] = checked(name, value, distribution)
        return params

    def overrides(self, params: Mapping[str, Any]) -> list[str]:
        """Hydra overrides that read back as exactly these values."""
        return [f"{name}={value_text(self.decode(name, value))}" for name, value in params.items()]

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The declared parameters among strangers' values, or a ValueError naming the culprit.

        Whoever can write to the storage could otherwise override anything in the configuration.
        Parameters may be missing (a partly given trial); see `is_complete`. Values come back in
        their canonical type.
        """
        accepted: dict[str, Any] = {}
        for name, value in params.items():
            if name not in self.distributions:
                near = difflib.get_close_matches(name, self.distributions, n=1)
                raise ValueError(
                    f"a trial may only set parameters of the search space; got {name!r}."
                    + (f" Did you mean {near[0]!r}?" if near else "")
                )
            accepted[name] = checked(name, value, self.distributions[name])
        for name in accepted:
            if self._parents_known(name, accepted) and not self.is_active(name, accepted):
                raise ValueError(
                    f"{name} only exists when {self.conditions[name]}; got {dict(params)}. "
                    f"Leave it out."
                )
        return accepted

    def is_complete(self, params: Mapping[str, Any]) -> bool:
        """Whether `params` has every active parameter of the declared space and no other."""
        return set(params) == {name for name in self.distributions if self.is_active(name, params)}

    def _parents_known(self, name: str, params: Mapping[str, Any]) -> bool:
        return name in self.conditions and self.conditions[name].names() <= set(params)

    def values(self, name: str) -> list[Any]:
        """Every stored value of a parameter in order; ValueError for an endless one."""
        return enumerate_values(name, self.distributions[name])

    def to_json(self) -> dict[str, Any]:
        """Plain data: the fingerprint's part; `["distributions"]` is the study's attribute `space`.

        The custom function is not in it.
        """
        return {
            "distributions": {k: distribution_to_json(d) for k, d in self.distributions.items()},
            "fixed": list(self.fixed),
            "conditions": {name: str(condition) for name, condition in self.conditions.items()},
            "labels": {
                name: {label: value_text(value) for label, value in labels.items()}
                for name, labels in self.labels.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchSpace:
        """The inverse of `to_json`."""
        labels = {
            name: {label: parser().parse_override(f"k={text}").value() for label, text in d.items()}
            for name, d in data["labels"].items()
        }
        space = cls(
            {name: json_to_distribution(text) for name, text in data["distributions"].items()},
            list(data["fixed"]),
            labels=labels,
        )
        for name, text in data["conditions"].items():
            condition = parse_condition(text, space.domains(), {})
            assert not isinstance(condition, bool)
            space.conditions[name] = condition
        return space

    def domains(self) -> dict[str, list[Any] | None]:
        """What conditions may compare with: the choices of each parameter, None for numbers."""
        return {
            name: [self.decode(name, choice) for choice in distribution.choices]
            if isinstance(distribution, CategoricalDistribution)
            else None
            for name, distribution in self.distributions.items()
        }
