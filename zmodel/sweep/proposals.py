"""Which parameters the next trial gets: sampler, pruner, and what is forced on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from zmodel.sweep.plan import Plan
from zmodel.sweep.samplers import make_pruner, make_sampler, needs_lock
from zmodel.sweep.search_space import SearchSpace


class Proposals:
    """The proposing side of a worker; stateless between trials but for the plan."""

    def __init__(self, plan: Plan, space: SearchSpace) -> None:
        self._plan = plan
        self._space = space
        self.needs_lock = needs_lock(plan.sampler)
        """Whether sampling must exclude other workers (samplers that keep state in the study)."""

    def make_pruner(self) -> optuna.pruners.BasePruner:
        return make_pruner(self._plan.pruner)

    def decide(self, trials: Sequence[FrozenTrial], slot: int) -> dict[str, Any]:
        """User attributes of the next new trial, decided under the study's lock."""
        return {}

    def sampler_for(self, ticket: FrozenTrial) -> optuna.samplers.BaseSampler:
        """A fresh sampler, seeded by the study's seed and the slot: draws do not depend on
        which worker makes them, nor on interruptions."""
        return make_sampler(self._plan.sampler, self._plan.seed, ticket.user_attrs["slot"], self._space)

    def changes(self, ticket: FrozenTrial) -> dict[str, Any]:
        """Values set in this trial's configuration whatever its parameters."""
        return {}

    def example(self, config: DictConfig) -> dict[str, Any]:
        """One point of the space: the lowest value or first choice of everything."""
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(self._plan.seed))
        study.enqueue_trial({k: _first(d) for k, d in self._space.distributions.items()})
        return self._space.suggest(study.ask(), config)


def _first(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    return distribution.low  # type: ignore[attr-defined]
