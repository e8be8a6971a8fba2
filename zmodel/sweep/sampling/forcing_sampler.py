"""A sampler with some parameters forced by coverage floors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GridSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.samplers import generation_key, grid_points
from zmodel.compat.optuna.studies import storage_of
from zmodel.core.equality import same
from zmodel.study.distribution_values import checked
from zmodel.study.trial_attributes import attr, fixed_params
from zmodel.sweep.sampling.given_forced import given, ranked_in_groups
from zmodel.sweep.sampling.sampler_wrapper import SamplerWrapper


class ForcingSampler(SamplerWrapper):
    """Wraps `sampler`: it proposes the other parameters of a forced trial given the forced ones.

    What is forced was decided when the trial was claimed, and is read from its attribute
    `forced_to`. Parameters given beforehand (`enqueue_trial`) win.

    TPE and the Gaussian process propose from their conditional (`given_forced.py`); grid takes a
    point that has the forced value; the other samplers propose everything, and the forced
    parameters are then replaced. For random and quasi-random draws that is the conditional; for
    CMA-ES and the genetic algorithms it is their proposal with those coordinates moved. The
    distribution that is recorded always is the declared one.

    Args:
        space: the declared distributions. A parameter asked with another one is left alone.
    """

    def __init__(self, sampler: BaseSampler, space: Mapping[str, BaseDistribution]) -> None:
        super().__init__(sampler)
        self._space = space
        self._forced: dict[int, dict[str, Any]] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        known = {**fixed_params(trial), **trial.params}
        targets = attr(trial, "forced_to", {})
        forced = {
            param: tuple(target) if isinstance(target, list) else target
            for param, target in targets.items()
            if param in self._space and param not in known
        }
        if forced:
            self._forced[trial.number] = forced
        super().before_trial(study, trial)
        if isinstance(self._sampler, GridSampler):
            _choose_grid_point(self._sampler, study, trial, forced)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        forced = {
            name: target
            for name, target in self._forced.get(trial.number, {}).items()
            if search_space.get(name) == self._space[name]
        }
        if not forced:
            return super().sample_relative(study, trial, search_space)
        proposer = given(self._sampler, forced, search_space)
        if proposer is None:
            proposed = self._sampler.sample_relative(study, trial, search_space)
        else:
            proposed = proposer.sample_relative(
                ranked_in_groups(study, forced), trial, search_space
            )
        params = {
            name: obey(value, forced[name], search_space[name]) if name in forced else value
            for name, value in proposed.items()
        }
        if isinstance(self._sampler, CmaEsSampler) and not same(params, proposed):
            # not the point it asked for: keep it out of the generation it learns from
            key = generation_key(self._sampler)
            storage_of(study).set_trial_system_attr(_trial_id(study, trial), key, -1)
        return params

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        forced = self._forced.get(trial.number, {})
        if param_distribution != self._space.get(param_name):
            forced = {name: target for name, target in forced.items() if name != param_name}
        proposer = given(self._sampler, forced, self._space) if forced else None
        value = (
            self._sampler.sample_independent(study, trial, param_name, param_distribution)
            if proposer is None
            else proposer.sample_independent(
                ranked_in_groups(study, forced), trial, param_name, param_distribution
            )
        )
        if param_name in forced:
            return obey(value, forced[param_name], param_distribution)
        return value

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._forced.pop(trial.number, None)
        super().after_trial(study, trial, state, values)


def obey(value: Any, target: Any, distribution: BaseDistribution) -> Any:
    """`value` moved to the target value, or folded into the target range.

    Folding shifts by whole widths of the range, so that a uniform draw stays one and a value
    inside stays where it is.
    """
    if not isinstance(target, tuple):
        return checked("a forced parameter", target, distribution)
    low, high = target
    if low <= value <= high:
        return value
    if isinstance(distribution, IntDistribution):
        count = (high - low) // distribution.step + 1
        return low + (value - low) // distribution.step % count * distribution.step
    assert isinstance(distribution, FloatDistribution)
    if distribution.step is not None:
        count = round((high - low) / distribution.step) + 1
        return low + round((value - low) / distribution.step) % count * distribution.step
    if distribution.log:
        shifted = math.log(value / low) % math.log(high / low)
        return min(high, max(low, low * math.exp(shifted)))
    return min(high, low + (value - low) % (high - low))


def _choose_grid_point(
    sampler: GridSampler, study: Study, trial: FrozenTrial, forced: Mapping[str, Any]
) -> None:
    """Give the trial a point of the grid that has the forced values and nobody else has.

    The grid sampler hands out its points by trial number, which forced trials upset.
    """
    if "grid_id" in trial.system_attrs or "fixed_params" in trial.system_attrs:
        return
    trials = _every_trial(study)
    points = {t.number: t.system_attrs["grid_id"] for t in trials if "grid_id" in t.system_attrs}
    own = points.pop(trial.number)
    taken = set(points.values())
    if own not in taken and not forced:
        return
    names, points_of_grid = grid_points(sampler)
    columns = {names.index(name): target for name, target in forced.items()}

    def fits(point: Sequence[Any]) -> bool:
        return all(
            target[0] <= point[column] <= target[1]
            if isinstance(target, tuple)
            else same(point[column], target)
            for column, target in columns.items()
        )

    fitting = [i for i, point in enumerate(points_of_grid) if fits(point)]
    free = [i for i in fitting if i not in taken] or fitting
    if own not in free:
        trial_id = _trial_id(study, trial)
        storage_of(study).set_trial_system_attr(trial_id, "grid_id", free[0])


def _every_trial(study: Study) -> list[FrozenTrial]:
    """Not study.get_trials(): a bracket of Hyperband shows some of the trials only."""
    storage = storage_of(study)
    study_id = storage.get_study_id_from_name(study.study_name)
    return storage.get_all_trials(study_id, deepcopy=False)


def _trial_id(study: Study, trial: FrozenTrial) -> int:
    storage = storage_of(study)
    study_id = storage.get_study_id_from_name(study.study_name)
    return storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
