"""Reads and checks a start of a study before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from zmodel.core.objective import curve_of
from zmodel.sweep.limits.study_limits import Limits, make_limits
from zmodel.sweep.next_round import next_round
from zmodel.sweep.roles import check_roles
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.sampling.samplers import grid_size, is_grid
from zmodel.sweep.sampling.warm_start import first_configurations
from zmodel.sweep.settings import Settings, read_settings, settled
from zmodel.sweep.space.combinations import count_combinations
from zmodel.sweep.space.override_text import value_text
from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.rehearsal_points import params_at, points
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.stopping.epoch_plan import EpochPlan
from zmodel.sweep.stopping.make_plan import make_plan
from zmodel.sweep.stopping.pruners import make_pruner
from zmodel.sweep.sweeper import plain
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.shared_config import SharedConfig, shared_config

NOW = "${now:"
"""In a folder's name: another one at every start."""

FEW = 100
"""Of so many combinations the feasible ones are counted, whatever the budget."""
EVERY_ONE = {"_target_": "optuna.samplers.BruteForceSampler"}
"""Tries every combination once, also under conditions."""


_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Prepared:
    """A start that can work, as far as can be told without running anything."""

    settings: Settings
    space: SearchSpace
    job: Job
    proposals: Proposals
    plan: EpochPlan | None
    objective: Any
    """``optimized_metric``: a name or a list of names."""
    curve: tuple[str, str | None]
    """The metric that trials report per epoch, and the way it is better if something says so."""
    shared: SharedConfig
    example: list[str]
    """Overrides of a trial, under which the configuration composes."""
    first: list[dict[str, Any]]
    """Parameters of the first trials."""
    round: dict[str, Any] | None
    """What makes the study the next round of another."""
    bounds: frozenset[str] = frozenset()
    """Keys of the configuration that the search space refers to, such as z_layers.max."""
    limits: Limits | None = None

    def follows(self, key: str, before: Any, now: Any) -> bool:
        """Whether a fixed setting changes only because the space does.

        It states a bound, or it is what further files of a searched group say.
        """
        chosen = self.shared.chosen.get(key, [])
        return key in self.bounds or all(
            value in chosen for value in (before if isinstance(before, list) else [before])
        )


def prepare(given: Mapping[str, Any], arguments: list[str], folder: Path, job: Job) -> Prepared:
    """Read the settings and the search space, and check all that can be checked beforehand.

    Args:
        given: what the configuration says under ``hydra.sweeper``.
        arguments: the overrides of the command line.
        folder: of the study.

    Raises:
        ValueError: names the setting that cannot work, and a way on.
        HydraException: the configuration does not compose.
    """
    settings = _placed(read_settings(given, folder), job.config)
    space, told = next_round(settings, _read_space(settings, arguments, job), arguments)
    example = [*space.fixed, *space.overrides(params_at(points(space)[0], space, job.config))]
    cfg = job.compose(example, 0, folder, {})
    settings = settled(settings, cfg)
    plan = make_plan(settings, space, cfg)
    settings = replace(settings, paid=plan.sure_trials if plan else None)
    limits = make_limits(settings, space, job, cfg)
    settings = _within(space, settings, limits)
    shared = shared_config(cfg, job, space, settings)
    proposals = _tried(Proposals(settings, space, limits=limits), settings, shared)
    if settings.n_jobs:
        job.require_picklable()
    return Prepared(
        settings=settings,
        space=space,
        job=job,
        proposals=proposals,
        plan=plan,
        objective=plain(cfg.get("optimized_metric")),
        curve=curve_of(cfg, settings.direction),
        shared=shared,
        example=example,
        first=first_configurations(settings, space, limits),
        round=told,
        bounds=_bounds(job),
        limits=limits,
    )


def _tried(proposals: Proposals, settings: Settings, shared: SharedConfig) -> Proposals:
    """A wrong option of sampler or pruner is an error now, not in every worker."""
    proposals.sampler_for_slot(0)
    make_pruner(settings.pruner)
    _check_replicate(settings, proposals, shared)
    return proposals


def _check_replicate(settings: Settings, proposals: Proposals, shared: SharedConfig) -> None:
    """A replicate with the same seed is a copy, by which seeds seem to differ by nothing."""
    if not settings.replicate:
        return
    if not isinstance(seed := shared.fixed.get("seed"), int):
        raise ValueError(
            "hydra.sweeper.replicate runs configurations with other seeds, so the configuration "
            f"must have a whole number as seed that is not searched, received {seed!r}. Add "
            "seed=0, or set hydra.sweeper.replicate=null."
        )
    if not proposals.share_repeated:
        print(
            "note: the study tries each configuration once, and hydra.sweeper.replicate repeats "
            "none; to try each with several seeds, search seed=range(0,5) too"
        )


def _bounds(job: Job) -> frozenset[str]:
    """The keys that hydra.sweeper.params refers to."""
    params = OmegaConf.select(job.config, "hydra.sweeper.params", throw_on_resolution_failure=False)
    raw = OmegaConf.to_container(params, resolve=False) if OmegaConf.is_config(params) else None
    return frozenset(_REFERENCE.findall(str(raw)))


def _within(space: SearchSpace, settings: Settings, limits: Limits | None) -> Settings:
    """No more trials than the space has combinations: with the same seed, more would be the same.

    Where the budget has room for all of them, each is tried exactly once.
    """
    budget = settings.n_trials
    bounded = limits if limits is not None and limits.known is not None else None
    if is_grid(settings.sampler):
        size = grid_size(space)
        if bounded is not None:
            return _only_feasible(bounded, settings, size if budget is None else min(budget, size))
        return replace(settings, n_trials=size if budget is None else min(budget, size))
    budget = settings.sure_trials
    count = count_combinations(space, max(budget, FEW) if bounded is not None else budget)
    if count is None:
        return settings
    if bounded is not None:
        return _only_feasible(bounded, settings, budget)
    if count < budget:
        _say_how_many(count, budget)
    return replace(settings, n_trials=count, sampler=EVERY_ONE, history=None)


def _only_feasible(limits: Limits, settings: Settings, budget: int) -> Settings:
    """Each configuration that keeps the constraints once, where the budget has room for all."""
    assert limits.known is not None
    listed = limits.listed()
    count = len(listed)
    if count > budget and not is_grid(settings.sampler):
        return settings
    limits.known.combinations = listed
    if count < budget:
        _say_how_many(count, budget)
    return replace(settings, n_trials=min(count, budget), sampler=EVERY_ONE, history=None)


def _say_how_many(count: int, budget: int) -> None:
    print(
        f"note: the search has {count} combinations, and each is tried once (the budget is "
        f"{budget} trials); to try them with several seeds, search seed=range(0,5) too"
    )


def _placed(settings: Settings, config: DictConfig) -> Settings:
    """With the folders that Hydra's configuration asks for."""
    sweep = OmegaConf.to_container(config.hydra.sweep, resolve=False)
    assert isinstance(sweep, dict)
    subdir = str(sweep["subdir"])
    if "${" not in subdir:
        raise ValueError(
            f"hydra.sweep.subdir must differ between trials, as ${{hydra.job.num}} does, received "
            f"{subdir!r}: all trials would run in one folder."
        )
    folder = settings.folder
    other = str(sweep["dir"]) != str(folder) and NOW in str(sweep["dir"])
    return_to = (f"hydra.sweep.dir={value_text(str(folder))}",) if other else ()
    return replace(settings, subdir=subdir, return_to=return_to)


def _read_space(settings: Settings, arguments: list[str], job: Job) -> SearchSpace:
    loader = job.hydra_context.config_loader
    space = parse_space(settings.params, arguments, settings.custom_search_space, loader)
    check_roles(settings.roles, space.distributions)
    if not space.distributions and space.custom is None:
        raise ValueError(
            "A study needs something to search, got an empty hydra.sweeper.params. Give a sweep "
            "such as 'x=interval(0,1)'; of train.py, choose one: hparams_search=zlayers."
        )
    return space
