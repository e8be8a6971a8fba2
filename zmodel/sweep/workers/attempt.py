"""One attempt at a slot: sample, compose, run, record what came of it."""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from zmodel.core.running_trial import running
from zmodel.study.trial_attributes import attr, fixed_params
from zmodel.sweep.workers.heartbeat import Heartbeat
from zmodel.sweep.workers.optuna_trial import OptunaTrial
from zmodel.sweep.workers.outcome import STORAGE_ERRORS, TrialOutcome, failure, outcome_of
from zmodel.sweep.workers.rehearsal import Refused
from zmodel.sweep.workers.session import Session


class Attempt:
    """Runs one claimed trial to its end, whatever that is, and records it."""

    def __init__(self, session: Session, ticket: FrozenTrial) -> None:
        self._session = session
        self._given = session.given
        self._ticket = ticket
        self._storage = session.storage
        self._id = session.trial_id(ticket)
        self._folder = session.given.settings.folder / "trials" / str(ticket.number)

    def run(self) -> None:
        """Run and record.

        Raises:
            Refused: the configuration files changed.
            JournalError, StorageUnavailable: the storage; the trial is given again.
        """
        self._set("dir", str(self._folder))
        slots = self._session.slots
        try:
            outcome = self._outcome()
        except KeyboardInterrupt:
            slots.interrupt(self._ticket, "Ctrl-C", crashed=False)
            raise
        except Refused:
            slots.interrupt(self._ticket, "its configuration changed", crashed=False)
            raise
        except STORAGE_ERRORS:
            raise  # not the trial's fault
        except (Exception, SystemExit) as error:
            outcome = failure(error)
        if outcome.interrupted is not None:
            slots.interrupt(self._ticket, str(outcome.interrupted), crashed=False)
            return
        try:
            self._record(outcome)
        except UpdateFinishedTrialError:
            print(f"trial {self._ticket.number} was given to another worker in the meantime")

    def _outcome(self) -> TrialOutcome:
        session, given, ticket = self._session, self._given, self._ticket
        proposals, space = session.proposals, given.space
        resumed = self._resume()
        session.study.sampler = proposals.sampler_for(ticket)
        with session.lock() if proposals.needs_lock else nullcontext():
            trial = optuna.Trial(session.study, self._id)
            told = {**ticket.params, **fixed_params(ticket)}
            params = space.suggest(trial, given.job.config, told)
        overrides = [*space.fixed, *space.overrides(params)]
        changes = resumed | proposals.changes(ticket)
        cfg = given.job.compose(overrides, ticket.number, self._folder, changes)
        if given.job.comparable and given.job.files_edited:
            self._check_unchanged(cfg, [*params, *changes])
        shown = OptunaTrial(trial, self._storage, self._id)
        with Heartbeat(self._storage, self._id), running(shown):
            returned = given.job.run(cfg)
        return outcome_of(returned, len(given.settings.direction), self._folder, shown.pruned)

    def _check_unchanged(self, cfg: DictConfig, own: list[str]) -> None:
        """Somebody has edited a file of the configuration while the study runs: a comment, say.

        Raises:
            Refused: the trial would not be comparable with those before.
        """
        lines = self._given.shared.differences(cfg, own)
        if lines:
            listed = "\n  ".join(lines)
            raise Refused(f"the configuration files changed while the study runs:\n  {listed}")

    def _resume(self) -> dict[str, Any]:
        """Continue an interrupted attempt from its checkpoint: configuration and curve so far."""
        number = attr(self._ticket, "resumed_from")
        if number is None or number >= self._ticket.number:
            return {}
        checkpoint = self._folder.parent / str(number) / "checkpoints" / "last.ckpt"
        if not checkpoint.is_file():
            return {}
        earlier = self._session.slots.trials()[number].intermediate_values
        for epoch, value in earlier.items():
            self._storage.set_trial_intermediate_value(self._id, epoch, value)
        return {"ckpt_path": str(checkpoint)}

    def _record(self, outcome: TrialOutcome) -> None:
        study, number = self._session.study, self._ticket.number
        for key, value in outcome.attrs.items():
            self._set(key, value)
        if outcome.state is not TrialState.FAIL:
            study.tell(number, outcome.values, state=outcome.state)
            return
        self._set("fail_reason", outcome.reason)
        if outcome.traceback:
            self._set("traceback", outcome.traceback)
        study.tell(number, state=TrialState.FAIL)
        release_memory()

    def _set(self, key: str, value: Any) -> None:
        self._storage.set_trial_user_attr(self._id, key, value)


def release_memory() -> None:
    """After a failure: what the dead run held, on the host and on the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
