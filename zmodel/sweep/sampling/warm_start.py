"""Configurations that a study tries first.

Its baseline, given ones, the best of another study.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from zmodel.core.equality import same
from zmodel.study.budget.first_trial import FirstTrial
from zmodel.study.budget.slots import Slots
from zmodel.study.folder import JOURNAL
from zmodel.study.records import StudyRecord, find_study
from zmodel.sweep.limits.study_limits import Limits
from zmodel.sweep.sampling.baseline import NoBaseline, baseline_of
from zmodel.sweep.sampling.samplers import grid_attrs
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.job import Job

TOP = 5
"""How many trials of ``from_study`` are tried."""


def first_configurations(
    settings: Settings, space: SearchSpace, limits: Limits | None
) -> list[dict[str, Any]]:
    """Checked parameter sets, the given ones first.

    Raises:
        ValueError: a parameter or value outside the search space, a configuration that breaks a
            limit, or no such study.
    """
    enqueue = settings.enqueue
    if enqueue is not None and not isinstance(enqueue, list):
        raise ValueError(f"hydra.sweeper.enqueue must be a list of mappings, got {enqueue!r}.")
    given = [space.validate(params) for params in enqueue or []]
    for params in given:
        if limits is not None and (broken := limits.broken(params)):
            raise ValueError(
                f"hydra.sweeper.enqueue must keep hydra.sweeper.constraints, and {params} has "
                f"{broken}. Leave it out, or raise the limit."
            )
    names = filter(None, dict.fromkeys([settings.next_of, settings.from_study]))
    best = [params for name in names for params in best_of(name, settings, space)]
    return given + [p for p in best if limits is None or not limits.broken(p)]


def study_beside(name: str, settings: Settings) -> StudyRecord:
    """A study beside this one: in a journal of its own, else in the storage of this one."""
    log_dir = settings.folder.parent.parent
    try:
        return find_study(name, log_dir)
    except ValueError:
        if settings.storage == str(settings.folder / JOURNAL):
            raise
        return find_study(name, log_dir, settings.storage)


def best_of(name: str, settings: Settings, space: SearchSpace) -> list[dict[str, Any]]:
    """The best trials of another study, as far as they fit this space.

    They have all parameters of that study."""
    fitting = []
    for trial in study_beside(name, settings).best_first:
        known = {k: v for k, v in trial.params.items() if k in space.distributions}
        try:
            fitting.append(space.validate(known))
        except ValueError:
            continue  # outside the bounds of this study
    return fitting[:TOP]


def enqueue_once(
    slots: Slots,
    settings: Settings,
    space: SearchSpace,
    job: Job,
    given: list[dict[str, Any]],
    limits: Limits | None,
) -> None:
    """Give the first slots of a study that has no trials yet: to its baseline, then to `given`."""
    if slots.trials():
        return
    first = [FirstTrial(params, {"enqueued": True}) for params in given]
    if settings.baseline:
        try:
            found = baseline_of(settings, space, job, len(given))
            if limits is not None and (broken := limits.broken(found.params)):
                raise NoBaseline(f"the configuration as composed breaks constraints: {broken}")
        except NoBaseline as reason:
            print(f"note: the study has no baseline: {reason}.")
        else:
            if found.moved:
                print(f"note: {found.note}.")
            others = [one for one in first if not same(one.params, found.params)]
            first = [FirstTrial(found.params, found.attrs), *others]
    attrs_of = partial(grid_attrs, config=settings.sampler, seed=settings.seed, space=space)
    slots.enqueue(replace(one, system=attrs_of(one.params)) for one in first)
