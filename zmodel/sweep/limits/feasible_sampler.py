"""A sampler whose proposals keep the constraints known in advance.

Proposals are drawn again until they do.

A configuration that is too large costs neither a slot nor a second of training. Two things would
still push a search towards small networks:

- drawing all parameters again, for deep networks are rejected more often. So the structural
  values of the first proposal are kept, and the others are drawn again given these: how often a
  depth is tried is what sampler and floors say;
- teaching the sampler what was rejected, for the same reason. So what was rejected is shown, as
  trials that break Optuna's constraints, only to proposals of the same structural values.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.compat.optuna.studies import shown, storage_of
from zmodel.core.equality import same
from zmodel.study.distribution_values import checked
from zmodel.study.trial_attributes import attr, fixed_params
from zmodel.sweep.limits.known_sizes import KnownSizes, Params
from zmodel.sweep.sampling.decided_sampler import DecidedSampler
from zmodel.sweep.sampling.sampler_wrapper import SamplerWrapper

REDRAWN, REDRAWN_GP = 10, 2
"""So often the sampler proposes again, before configurations are drawn at random. The Gaussian
process proposes about the same each time, and takes its time."""
MOST_NOTED = 10
"""So many of a trial's rejected configurations are kept, to learn from and to show."""

Rejected = tuple[Params, dict[str, float]]


class FeasibleSampler(DecidedSampler, SamplerWrapper):
    """Proposes what `sampler` does, within the limits of `sizes`; a fresh one per trial.

    Args:
        seed: of random draws, after `redrawn` proposals of the sampler were too large.

    What a trial was told beforehand is not changed: it runs, and is marked.
    """

    def __init__(
        self, sampler: BaseSampler, sizes: KnownSizes, seed: int, redrawn: int = REDRAWN
    ) -> None:
        super().__init__(sampler)
        self._redrawn = redrawn
        self._sizes = sizes
        self._random = RandomSampler(seed)
        self._decided: Params = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decides all parameters of the trial, and notes what was rejected on the way."""
        rejected: list[Rejected] = []
        for params in self._proposals(study, trial, rejected):
            amounts = self._sizes.amounts(params)
            if self._sizes.excess(amounts) <= 0 or params.keys() <= told(trial).keys():
                break
            rejected.append((params, amounts))
        else:
            _, amounts = min(rejected, key=lambda one: self._sizes.excess(one[1]))
            raise ValueError(
                "a trial must keep hydra.sweeper.constraints, and no configuration was found that "
                f"does: the nearest has {self._sizes.said(amounts)}. Raise the limits, or search "
                "smaller values."
            )
        self._decided = params
        self._note(study, trial, amounts, rejected)

    def _note(
        self,
        study: Study,
        trial: FrozenTrial,
        amounts: dict[str, float],
        rejected: list[Rejected],
    ) -> None:
        storage = storage_of(study)
        study_id = storage.get_study_id_from_name(study.study_name)
        trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        storage.set_trial_user_attr(trial_id, "amounts", amounts)
        if rejected:
            noted = [{"params": p, "amounts": a} for p, a in rejected[:MOST_NOTED]]
            storage.set_trial_user_attr(trial_id, "rejected", len(rejected))
            storage.set_trial_user_attr(trial_id, "rejected_params", noted)

    def decided(self, trial: FrozenTrial, name: str) -> Any:
        return self._decided[name]

    def _proposals(
        self, study: Study, trial: FrozenTrial, rejected: list[Rejected]
    ) -> Iterator[Params]:
        """The sampler's first one; then with its structural values kept, then without."""
        self._sampler.before_trial(study, trial)
        first = draft(self._sampler, study, trial, self._sizes)
        yield first
        forced = {
            name: tuple(target) if isinstance(target, list) else target
            for name, target in attr(trial, "forced_to", {}).items()
        }
        given = {**forced, **told(trial)}
        kept = {k: first[k] for k in self._sizes.structural_in(first) if k not in given}
        yield from self._again(study, trial, {**given, **kept}, rejected)
        if kept:
            yield from self._again(study, trial, given, rejected)

    def _again(
        self,
        study: Study,
        trial: FrozenTrial,
        held: Mapping[str, Any],
        rejected: Sequence[Rejected],
    ) -> Iterator[Params]:
        known = told(trial)
        twin = copy.copy(trial)
        targets = {k: list(v) if isinstance(v, tuple) else v for k, v in held.items()}
        forced = {name: target for name, target in targets.items() if name not in known}
        twin.user_attrs = {**trial.user_attrs, "forced_to": forced}
        taught = self._taught(study, held, rejected)
        self._sampler.before_trial(taught, twin)
        for _ in range(self._redrawn):
            yield draft(self._sampler, taught, twin, self._sizes)
        yield from self._sizes.search(self._random, held)

    def _taught(self, study: Study, held: Mapping[str, Any], rejected: Sequence[Rejected]) -> Any:
        """The study with what was rejected of the same structural values, as trials that break
        constraints: the latest, no more than have completed."""
        kept = {name: held[name] for name in self._sizes.structural_in(held)}

        def show(trials: list[FrozenTrial]) -> list[FrozenTrial]:
            most = sum(trial.state == TrialState.COMPLETE for trial in trials)
            noted = [
                (one["params"], one["amounts"])
                for trial in trials
                for one in attr(trial, "rejected_params", [])
            ]
            fitting = [
                one
                for one in (*noted, *rejected)
                if all(same(one[0].get(name), value) for name, value in kept.items())
            ]
            lost = (self._as_trial(*one) for one in fitting[-most:]) if most else ()
            return [*trials, *(trial for trial in lost if trial is not None)]

        return shown(study, show)

    def _as_trial(self, params: Params, amounts: dict[str, float]) -> FrozenTrial | None:
        """None where others wrote something else."""
        try:
            own = self._sizes.space.validate(params)
            broken = {c.name: c.violation(amounts[c.name]) for c in self._sizes.constraints}
        except (ValueError, KeyError, TypeError):
            return None
        distributions = {name: self._sizes.space.distributions[name] for name in own}
        return create_trial(
            state=TrialState.PRUNED, params=own, distributions=distributions, constraints=broken
        )


def told(trial: FrozenTrial) -> dict[str, Any]:
    """The parameters that a trial has before a sampler is asked."""
    return {**fixed_params(trial), **trial.params}


def draft(sampler: BaseSampler, study: Any, trial: FrozenTrial, sizes: KnownSizes) -> Params:
    """What a trial would get of the sampler, as optuna.Trial asks it, without writing it down."""
    space, known = sizes.space, told(trial)
    together = sampler.infer_relative_search_space(study, trial)
    proposed = sampler.sample_relative(study, trial, together)
    params: Params = {}
    for name, distribution in space.distributions.items():
        if not space.is_active(name, params):
            continue
        if name in known:
            value = known[name]
        elif distribution.single():
            value = space.values(name)[0]
        elif name in proposed and together.get(name) == distribution:
            value = proposed[name]
        else:
            value = sampler.sample_independent(study, trial, name, distribution)
        params[name] = checked(name, value, distribution)
    return params
