"""Typed, read-only view of a study.

The one door through which analysis reads trials.

Everything optional may be missing: a study made by plain Optuna or by the stock sweeper has no
user attributes, and then every trial stands for itself and the space is what the trials used.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    json_to_distribution,
)
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from zmodel.core.suggestion import suggestion
from zmodel.study.budget.ledger import Ledger, is_foreign, is_paused, is_put_back, slot_of
from zmodel.study.constraints import constraints_of, is_feasible, violations
from zmodel.study.folder import run_folders
from zmodel.study.location import address_of, runs_of
from zmodel.study.storage.opening import open_storage
from zmodel.study.study_json import read_study_json
from zmodel.study.trial_attributes import is_replicate
from zmodel.study.widening import phase_starts, under

NUMERIC = (FloatDistribution, IntDistribution)

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialRecord:
    """One attempt. `curve` maps epoch (0-based) to the objective's validation metric.

    One that was put back is `waiting`: its slot is given again. One that a stopping rule has paused
    is `paused`, and has no value.
    """

    number: int
    state: str
    params: dict[str, Any]
    values: tuple[float, ...] | None
    curve: dict[int, float]
    started: datetime | None
    finished: datetime | None
    attrs: dict[str, Any] = field(default_factory=dict)
    system_attrs: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)
    superseded: bool = False
    foreign: bool = False
    """Made by another program in a study of this one: it uses the budget all the same."""
    violations: dict[str, float] = field(default_factory=dict)
    """Constraint -> how far the trial is beyond its limit; above 0: the trial is infeasible."""
    partial: bool = False
    """Foreign, with a part of the study's parameters only: it cannot be compared with others."""

    @property
    def feasible(self) -> bool:
        """Whether it keeps every constraint; a trial that has not ended may break one yet."""
        return is_feasible(self.violations)

    @property
    def value(self) -> float | None:
        """The first objective value; None when the trial has none (failed, running, waiting)."""
        return self.values[0] if self.values else None


@dataclass(frozen=True)
class StudyRecord:
    """A study at one moment: `trials` count, `interrupted` were given again as later attempts."""

    name: str
    directions: tuple[str, ...]
    space: dict[str, BaseDistribution]
    trials: tuple[TrialRecord, ...]
    interrupted: tuple[TrialRecord, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @cached_property
    def runs(self) -> dict[int, Path]:
        """Number -> folder of the runs that lie in the study's folder."""
        return run_folders(self.folder) if self.folder else {}

    @cached_property
    def comparable(self) -> tuple[TrialRecord, ...]:
        """Completed trials that can be compared, in order of numbers.

        They have a finite first value and all parameters, and keep the constraints."""
        return tuple(
            t
            for t in self.trials
            if t.state == "complete"
            and t.value is not None
            and math.isfinite(t.value)
            and not t.partial
            and not is_replicate(t)
            and t.feasible
        )

    @cached_property
    def best_first(self) -> tuple[TrialRecord, ...]:
        """The comparable trials by their first value, the earliest of equals first."""
        sign = -1 if self.directions[0] == "maximize" else 1
        return tuple(sorted(self.comparable, key=lambda t: (sign * (t.value or 0.0), t.number)))


def find_study(name: str, log_dir: Path, storage: str | None = None) -> StudyRecord:
    """The study `name` of a storage, by default of its own journal in the log folder.

    Args:
        name: or the path of the study's folder.

    Raises:
        ValueError: there is none of this name; those there are are named.
    """
    address = address_of(name, log_dir, storage)
    opened = open_storage(address, create=False, read_only=True)
    folder = runs_of(name, log_dir)
    if folder is not None and folder.name != name:  # given by its path
        name = str(read_study_json(folder).get("study_name") or folder.name)
    return load_study(name, opened, folder)


def load_study(name: str, storage: BaseStorage, folder: Path | None = None) -> StudyRecord:
    """Read the study `name`, trials in order of their numbers; ValueError if there is none."""
    try:
        study_id = storage.get_study_id_from_name(name)
    except KeyError:
        names = [study.study_name for study in storage.get_all_studies()]
        raise ValueError(
            f"the study must exist in the storage, received {name!r}; {suggestion(name, names)}"
        ) from None
    # Copies of 10,000 trials cost seconds; records copy only the dictionaries they hand out.
    frozen = storage.get_all_trials(study_id, deepcopy=False)
    latest = Ledger().read(frozen).latest
    attrs = storage.get_study_user_attrs(study_id)
    needed, declared = _always_there(attrs), _declared_space(attrs.get("space"))
    constraints = constraints_of(attrs)
    records = [
        replace(
            _record(trial, declared if phase_starts(attrs) else {}),
            superseded=_superseded(trial, latest),
            violations=violations(trial, constraints),
            foreign=bool(needed) and is_foreign(trial),
            partial=is_foreign(trial) and not needed <= trial.params.keys(),
        )
        for trial in frozen
    ]
    return StudyRecord(
        name=name,
        directions=tuple(d.name.lower() for d in storage.get_study_directions(study_id)),
        space=declared or _union_of_distributions(frozen),
        trials=tuple(record for record in records if not record.superseded),
        interrupted=tuple(record for record in records if record.superseded),
        attrs=dict(attrs),
        folder=folder,
    )


def _record(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> TrialRecord:
    """`space`: what the study has been widened to."""
    return TrialRecord(
        number=trial.number,
        state=_state(trial),
        params=dict(trial.params),
        values=None if trial.values is None else tuple(trial.values),
        curve=dict(sorted(trial.intermediate_values.items())),
        started=trial.datetime_start,
        finished=trial.datetime_complete,
        attrs=dict(trial.user_attrs),
        system_attrs=dict(trial.system_attrs),
        distributions=under(space, trial.params, trial.distributions),
    )


def _state(trial: FrozenTrial) -> str:
    if is_paused(trial):
        return "paused"
    return "waiting" if is_put_back(trial) else STATES[trial.state]


def _superseded(trial: FrozenTrial, latest: Mapping[int, FrozenTrial]) -> bool:
    slot = slot_of(trial)
    return slot is not None and trial.number != latest[slot].number


def _declared_space(declared: Any) -> dict[str, BaseDistribution]:
    """The study's attribute `space`; empty when it is absent or written by somebody else."""
    if not isinstance(declared, Mapping):
        return {}
    try:
        return {param: json_to_distribution(text) for param, text in declared.items()}
    except (ValueError, TypeError, KeyError):
        return {}


def _always_there(attrs: Mapping[str, Any]) -> set[str]:
    """The declared parameters that exist under no condition; none in a study of plain Optuna."""
    made = attrs.get("fingerprint")
    if not isinstance(made, Mapping):
        return set()
    conditions = made.get("conditions")
    conditional = conditions.keys() if isinstance(conditions, Mapping) else set()
    return _declared_space(attrs.get("space")).keys() - conditional


def _union_of_distributions(trials: Iterable[FrozenTrial]) -> dict[str, BaseDistribution]:
    space: dict[str, BaseDistribution] = {}
    for trial in trials:
        for param, found in trial.distributions.items():
            known = space.get(param)
            if known is not found and known != found:
                space[param] = found if known is None else _wider(known, found)
    return space


def _wider(known: BaseDistribution, found: BaseDistribution) -> BaseDistribution:
    """Ranges were changed while the study ran: both kept if they agree in kind, else the later."""
    if isinstance(known, CategoricalDistribution) or type(known) is not type(found):
        return found
    assert isinstance(known, NUMERIC)
    assert isinstance(found, NUMERIC)
    if known.log != found.log or known.step != found.step:
        return found
    if found.step is not None and (known.low - found.low) % found.step:
        return found  # two grids that do not share their points
    wider = copy.copy(found)
    wider.low, wider.high = min(known.low, found.low), max(known.high, found.high)
    return wider
