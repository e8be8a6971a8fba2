"""A worker: claims slots of a study one after the other and runs them until none is left."""

from __future__ import annotations

import gc
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from zmodel.core.interrupt import stop
from zmodel.core.running_trial import running
from zmodel.study.budget.lease import Lease
from zmodel.study.budget.slots import Slots
from zmodel.study.fingerprint import differences, fixed_part, has_begun, settle_data
from zmodel.study.journal.file import JournalError
from zmodel.study.storage.lock import study_lock
from zmodel.study.storage.opening import open_storage
from zmodel.study.storage.outage import StorageUnavailable
from zmodel.study.trial_attributes import attr, fixed_params
from zmodel.sweep.plan import Plan
from zmodel.sweep.sampling.proposals import Proposals
from zmodel.sweep.workers.failure_limit import failure_limit
from zmodel.sweep.workers.job import Job
from zmodel.sweep.workers.outcome import Outcome, as_values, failure, outcome_of
from zmodel.sweep.workers.rehearsal import Refused, Rehearsal
from zmodel.sweep.workers.reporting import Heartbeat, LiveTrial

POLL_SECONDS = 0.5
DONE, LIMIT, REFUSED = 0, 3, 10
"""Exit codes of a worker, beside 128 + signal: budget used up, too many failures, bad set-up."""


STORAGE_ERRORS = (JournalError, StorageUnavailable)
"""What ends a worker: without its storage it can neither get trials nor record them."""


CANNOT_GO_ON = (Refused, *STORAGE_ERRORS)
"""What a worker raises with a message for the user."""


@dataclass
class Worker:
    """Picklable; the open study lives in :class:`_Session`, made by each call."""

    plan: Plan
    job: Job

    def __call__(self) -> int:
        """Work until the budget is used up, or somebody says stop.

        Raises:
            Refused: with a message for the user; before the first claim, or when the
                configuration files changed.
        """
        lease = Lease(self.plan.folder / "workers")
        try:
            return _Session(self.plan, self.job, lease).work()
        finally:
            lease.release()


@dataclass
class _Session:
    plan: Plan
    job: Job
    lease: Lease
    slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = open_storage(plan.storage, create=False)
        self.study = optuna.load_study(study_name=plan.study_name, storage=storage)
        self.space = plan.space
        self.lock = partial(study_lock, plan.storage, plan.folder)
        self.slots = Slots(
            storage, self.study._study_id, plan.n_trials, self.lock, plan.max_attempts
        )
        self.proposals = Proposals(plan, self.space)
        # always: what Optuna takes for "no pruner given" is its MedianPruner
        self.study.pruner = self.proposals.make_pruner()

    def work(self) -> int:
        self.preflight()
        while True:
            code = self._ending()
            if code is not None:
                return code
            ticket = self.slots.claim(self.lease, self.proposals.decide)
            if ticket is not None:
                self.attempt(ticket)
            elif self.slots.tally().is_complete:
                return DONE
            else:
                time.sleep(POLL_SECONDS)  # others still run; one of them may die

    def _ending(self) -> int | None:
        """The exit code when no further trial may begin; those that run come to their end."""
        if stop.signum is not None:
            return 128 + stop.signum
        if self.study.user_attrs.get("stop", 0.0) > self.plan.started:
            return DONE
        self.slots.refresh()
        return LIMIT if failure_limit(self.slots.ledger, self.plan) else None

    def attempt(self, ticket: FrozenTrial) -> None:
        """Run one claimed trial to its end, whatever that is, and record it."""
        self.study.sampler = self.proposals.sampler_for(ticket)
        folder = self.plan.folder / "trials" / str(ticket.number)
        self._set(ticket, "dir", str(folder))
        live: LiveTrial | None = None
        try:
            with self.lock() if self.proposals.needs_lock else nullcontext():
                trial = optuna.Trial(self.study, ticket._trial_id)
                given = {**ticket.params, **fixed_params(ticket)}
                params = self.space.suggest(trial, self.job.config, given)
            live = LiveTrial(trial)
            overrides = [*self.space.fixed, *self.space.overrides(params)]
            changes = self._resume(ticket, trial) | self.proposals.changes(ticket)
            cfg = self.job.compose(overrides, ticket.number, folder, changes)
            if self.job.comparable:
                self._check_unchanged(cfg, [*params, *changes])
            with Heartbeat(trial), running(live):
                returned = self.job.run(cfg)
            if isinstance(returned._return_value, STORAGE_ERRORS):
                raise returned._return_value
            outcome = outcome_of(returned, len(self.plan.directions), folder)
        except KeyboardInterrupt:
            self.slots.interrupt(ticket, "Ctrl-C", crashed=False)
            raise
        except Refused:
            self.slots.interrupt(ticket, "its configuration changed", crashed=False)
            raise
        except STORAGE_ERRORS:
            raise  # not the trial's fault: it is given again
        except (Exception, SystemExit) as error:
            outcome = failure(error)
        self._record(ticket, live, outcome)

    def _check_unchanged(self, cfg: DictConfig, own: list[str]) -> None:
        """Composition reads the files anew: somebody may have edited them while the study runs.

        Raises:
            Refused: the trial would not be comparable with those before.
        """
        config = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(config, dict)
        mine = [*self.space.distributions, *own]
        found = fixed_part(config, mine)
        wanted = {k: v for k, v in (self.plan.fixed or found).items() if k not in own}
        lines = differences(wanted, found)
        if lines:
            listed = "\n  ".join(lines)
            raise Refused(f"the configuration files changed while the study runs:\n  {listed}")

    def _resume(self, ticket: FrozenTrial, trial: optuna.Trial) -> dict[str, Any]:
        """Continue an interrupted attempt from its checkpoint: configuration and curve so far."""
        number = attr(ticket, "resumed_from")
        if number is None or number >= ticket.number:
            return {}
        checkpoint = self.plan.folder / "trials" / str(number) / "checkpoints" / "last.ckpt"
        if not checkpoint.is_file():
            return {}
        earlier = self.slots.trials()[number].intermediate_values
        for epoch, value in earlier.items():
            self.study._storage.set_trial_intermediate_value(trial._trial_id, epoch, value)
        return {"ckpt_path": str(checkpoint)}

    def _record(self, ticket: FrozenTrial, live: LiveTrial | None, outcome: Outcome) -> None:
        if outcome.interrupted is not None:
            self.slots.interrupt(ticket, str(outcome.interrupted), crashed=False)
            return
        try:
            for key, value in outcome.attrs.items():
                self._set(ticket, key, value)
            if live is not None and live.pruned and outcome.reason is None:
                self.study.tell(ticket.number, state=TrialState.PRUNED)
            elif outcome.values is not None:
                self.study.tell(ticket.number, outcome.values)
            else:
                self._set(ticket, "fail_reason", outcome.reason)
                if outcome.traceback:
                    self._set(ticket, "traceback", outcome.traceback)
                self.study.tell(ticket.number, state=TrialState.FAIL)
                release_memory()
        except UpdateFinishedTrialError:
            print(f"trial {ticket.number} was given to another worker in the meantime")

    def _set(self, ticket: FrozenTrial, key: str, value: Any) -> None:
        self.study._storage.set_trial_user_attr(ticket._trial_id, key, value)

    def preflight(self) -> None:
        """Rehearse, outside the study: what cannot work costs no trial."""
        if self.plan.preflight is None:
            return
        rehearsal = Rehearsal(self.plan, self.space, self.job)
        rehearsal.first(self._check_rehearsal)
        if not has_begun(self.study):
            warnings = rehearsal.others()
            if warnings and warnings != self.study.user_attrs.get("warnings"):
                self.study.set_user_attr("warnings", warnings)

    def _check_rehearsal(self, returned: JobReturn, folder: Path) -> None:
        as_values(returned.return_value, len(self.plan.directions))
        self._settle_data(folder)

    def _settle_data(self, folder: Path) -> None:
        result = folder / "result.json"
        if result.is_file() and "data_hash" in (content := json.loads(result.read_text())):
            with self.lock():
                settle_data(self.study, content["data_hash"], self.plan.on_change)


def release_memory() -> None:
    """After a failure: what the dead run held, on the host and on the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
