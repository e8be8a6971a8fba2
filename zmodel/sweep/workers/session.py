"""What a worker is given, and the study as it has it open."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import optuna

from zmodel.study.budget.lease import Lease
from zmodel.study.budget.slots import Slots
from zmodel.study.storage.opening import open_storage
from zmodel.study.storage.study_lock import study_lock
from zmodel.study.widening import phase_starts
from zmodel.sweep.limits.study_limits import Limits
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.stopping.epoch_plan import EpochPlan
from zmodel.sweep.stopping.pruners import make_pruner
from zmodel.sweep.workers.deadline import Deadline
from zmodel.sweep.workers.ending import Ending
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.shared_config import SharedConfig


@dataclass(frozen=True)
class CommandStart:
    """What a command found when it started to work on its study."""

    stop: Any
    """The latest stop request: only another one is meant for this command."""
    finished: int
    failed: int
    """Slots: the failure limit counts from there."""
    deadline: Deadline | None = None


@dataclass(frozen=True)
class Assignment:
    """What every worker of one command is given; picklable."""

    settings: Settings
    space: SearchSpace
    job: Job
    start: CommandStart
    shared: SharedConfig
    limits: Limits | None = None
    plan: EpochPlan | None = None
    """Of a budget of epochs."""


@dataclass
class Session:
    """The study of an assignment, opened by the process that works on it."""

    given: Assignment
    lease: Lease
    study: optuna.Study = field(init=False)
    slots: Slots = field(init=False)
    proposals: Proposals = field(init=False)
    ending: Ending = field(init=False)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        settings = self.given.settings
        self.storage = open_storage(settings.storage, create=False)
        # always a pruner: what Optuna takes for "none given" is its MedianPruner
        pruner = make_pruner(settings.pruner)
        self.study = optuna.load_study(
            study_name=settings.study_name, storage=self.storage, pruner=pruner
        )
        self.lock = partial(study_lock, settings.storage, settings.folder)
        study_id = self.storage.get_study_id_from_name(settings.study_name)
        self.slots = Slots(
            self.storage, study_id, settings.n_trials, self.lock, settings.max_attempts,
            self.given.plan,
        )  # fmt: skip
        widened = bool(phase_starts(self.study.user_attrs))
        self.proposals = Proposals(settings, self.given.space, widened, self.given.limits)
        self.ending = Ending(
            settings, self.study, self.slots, self.proposals.floors, self.given.plan
        )
