"""Proposals of a sampler with some parameters fixed.

Its own criterion, with those held.

Optuna has no such thing. Its PartialFixedSampler drops the fixed parameters from the model, so
that a forced five-layer trial gets the learning rate that suits all depths on average. Here

- a trial counts by its rank among those with the same forced values (`ranked_in_groups`). By the
  bare result no trial of a weaker depth would ever be an example of a good one;
- TPE draws its candidates from the conditional of its joint density
  (`zmodel/compat/optuna/tpe.py`);
- the Gaussian process maximises its acquisition function with the forced coordinates held
  (`zmodel/compat/optuna/gp.py`).

Measured (`benchmarks/conditional.py`) on a synthetic space of five depths with floors of 6: how far
the best trial of each depth stayed below its optimum, mean over depths and studies with standard
error. "Replaced" is a free proposal with the depth overwritten.

| sampler, trials, studies | best rate changes per layer | replaced    | given       |
|--------------------------|-----------------------------|-------------|-------------|
| TPE, 60, 60              | by 1.6                      | .040 ± .002 | .038 ± .003 |
|                          | by 6.3                      | .138 ± .008 | .098 ± .005 |
| GP, 40, 12               | by 1.6                      | .041 ± .003 | .042 ± .005 |
|                          | by 6.3                      | .149 ± .007 | .101 ± .014 |

So it helps where depths want different settings, and does no harm where they don't. Two variants
were dropped: bare results instead of ranks (TPE .136 ± .007 in the second row, the GP .078 ± .006
in the third), and a history of the forced value alone, of which there are too few trials when a
floor has to be forced.

Where a new release of Optuna moved the modules that this leans on, `given` returns None, and the
caller falls back on replacing.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any, Protocol

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.studies import shown

Space = Mapping[str, BaseDistribution]
Forced = Mapping[str, Any]
"""Parameter -> value, or (low, high), both included, for a range."""


class Proposer(Protocol):
    """The two ways in which Optuna asks a sampler."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]: ...

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any: ...


def given(sampler: BaseSampler, forced: Forced, space: Space) -> Proposer | None:
    """Proposes like `sampler`, whose random state it shares, given `forced`; None if it cannot.

    `space` has the distributions of the forced parameters. Show it a `ranked_in_groups` study.
    """
    try:
        if isinstance(sampler, TPESampler):
            from zmodel.compat.optuna.tpe import ConditionalTPE

            return ConditionalTPE(sampler, forced, space)
        if isinstance(sampler, GPSampler):
            from zmodel.compat.optuna.gp import ConditionalGP

            return ConditionalGP(sampler, forced, space)
    except ImportError:
        pass
    return None


def ranked_in_groups(study: Study, forced: Forced) -> Any:
    """The study with each completed trial's value replaced by its rank, from 0 to 1, in its group.

    A group has the same forced values. Several objectives have no rank: nothing is replaced.
    """
    if len(study.directions) > 1:
        return study
    known: dict[int, FrozenTrial] = {}

    def show(trials: list[FrozenTrial]) -> list[FrozenTrial]:
        completed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        if len(completed) != len(known):  # asked twice for the same by each proposal
            known.update(_ranks(completed, forced))
        return [known.get(trial.number, trial) for trial in trials]

    return shown(study, show)


def _ranks(trials: list[FrozenTrial], forced: Forced) -> dict[int, FrozenTrial]:
    """By number, copies whose value is the mean rank among the results of their group."""
    groups: dict[Any, list[float]] = {}
    mine = [groups.setdefault(_group(trial.params, forced), []) for trial in trials]
    for trial, group in zip(trials, mine, strict=True):
        group.append(trial.values[0])
    for group in groups.values():
        group.sort()
    ranks = {}
    for trial, group in zip(trials, mine, strict=True):
        value, twin = trial.values[0], copy.copy(trial)
        twin.value = (bisect_left(group, value) + bisect_right(group, value)) / 2 / len(group)
        ranks[trial.number] = twin
    return ranks


def _group(params: Mapping[str, Any], forced: Forced) -> tuple[Any, ...]:
    return tuple(
        name in params and target[0] <= params[name] <= target[1]
        if isinstance(target, tuple)
        else params.get(name)
        for name, target in forced.items()
    )
