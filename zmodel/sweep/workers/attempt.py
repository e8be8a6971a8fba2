"""One attempt at a slot: sample, compose, run, record what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState

from zmodel.compat.optuna.studies import read_anew
from zmodel.core.interrupt import stop
from zmodel.core.running_trial import running
from zmodel.study.run_folder import folder_of, read_result, set_aside
from zmodel.study.trial_attributes import attr, fixed_params
from zmodel.sweep.stopping.epoch_plan import epochs_done
from zmodel.sweep.workers.memory import release_memory
from zmodel.sweep.workers.optuna_trial import OptunaTrial
from zmodel.sweep.workers.outcome import (
    STORAGE_ERRORS,
    NoSpace,
    TrialOutcome,
    failure,
    outcome_of,
)
from zmodel.sweep.workers.rehearsal import Refused
from zmodel.sweep.workers.required_reports import require_every_step, require_reports
from zmodel.sweep.workers.session import Session
from zmodel.sweep.workers.trial_watch import TIMED_OUT, TrialWatch

PUT_BACK = {
    KeyboardInterrupt: "Ctrl-C",
    Refused: "its worker could not continue",
    NoSpace: "no space left on the disk",
}
"""What the trial notes when the error that ends its worker is not its own."""


class Attempt:
    """Runs one claimed trial to its end, whatever that is, and records it."""

    def __init__(self, session: Session, ticket: FrozenTrial) -> None:
        self._session = session
        self._given = session.given
        self._ticket = ticket
        self._storage = session.storage
        self._id = session.slots.id_of(ticket)
        self._folder = folder_of(ticket, session.given.settings.folder)
        self._shown: OptunaTrial | None = None
        self._began = time.monotonic()

    def run(self) -> None:
        """Run and record.

        Raises:
            Refused: the configuration files changed, or the task gives what no study can use.
            StorageError, StorageUnavailable, NoSpace: the trial is given again.
        """
        try:
            outcome = self._outcome()
        except (KeyboardInterrupt, Refused, NoSpace) as error:
            self._put_back(PUT_BACK[type(error)])
            raise
        if outcome.put_back is not None:
            self._put_back(outcome.put_back)
            return
        seconds = attr(self._ticket, "seconds", 0.0) + time.monotonic() - self._began
        try:
            if outcome.paused:
                self._session.slots.pause(self._ticket, self._epochs(), seconds)
            else:
                self._record(outcome)
        except UpdateFinishedTrialError:
            print(f"trial {self._ticket.number} was given to another worker in the meantime")
        if outcome.state is TrialState.COMPLETE and outcome.values is not None:
            require_reports(self._session, self._ticket.number)

    def _put_back(self, reason: str) -> None:
        self._session.slots.interrupt(self._ticket, reason, crashed=False)

    def _outcome(self) -> TrialOutcome:
        resumed = self._resume()
        try:
            outcome = self._run(resumed)
        except (Refused, NoSpace, *STORAGE_ERRORS):
            raise  # not the trial's fault
        except KeyboardInterrupt as error:
            if stop.sigint or stop.signum is not None:
                raise
            outcome = failure(error)  # Ctrl-C does not come here: the task itself has raised it
        except (Exception, SystemExit) as error:
            outcome = failure(error)
        until = attr(self._ticket, "until")
        if outcome.paused and until is None:
            return TrialOutcome(reason="ValueError: it paused and was to run to its end")
        if outcome.paused and (done := self._epochs()) < until:
            reason = f"ValueError: it paused after epoch {until} and has reported {done}"
            return TrialOutcome(reason=reason)
        if outcome.paused:
            require_every_step(self._session, self._ticket.number)
        further = self._shown is not None and self._shown.reported
        if outcome.reason is None or not resumed or further:
            return outcome
        self._set("starts_anew", True)
        return TrialOutcome(put_back=f"it starts over, since it could not resume: {outcome.reason}")

    def _run(self, resumed: dict[str, Any]) -> TrialOutcome:
        session, given, ticket = self._session, self._given, self._ticket
        proposals, space = session.proposals, given.space
        goes_on = attr(ticket, "paused_at") is not None  # all its parameters are known
        session.study.sampler = RandomSampler() if goes_on else proposals.sampler_for(ticket)
        with session.lock() if proposals.needs_lock else nullcontext():
            repeated = self._repeated()
            read_anew(session.study)
            trial = optuna.Trial(session.study, self._id)
            told = {**ticket.params, **fixed_params(ticket), **repeated}
            params = space.suggest(trial, given.job.config, told)
        own_seed = given.shared.own_seed(ticket)
        overrides = [*space.fixed, *space.overrides(params), *own_seed]
        changes = resumed | proposals.changes(ticket)
        cfg = given.job.compose(overrides, ticket.number, given.settings.folder, changes)
        self._folder = Path(cfg.hydra.run.dir)
        self._set("dir", str(self._folder))
        if given.job.comparable and given.job.files_edited:
            self._check_unchanged(cfg, [*params, *changes, *(["seed"] if own_seed else [])])
        until = attr(ticket, "until")
        self._shown = shown = OptunaTrial(trial, self._storage, self._id, until)
        limit = given.settings.trial_timeout
        code = TIMED_OUT if given.settings.n_jobs else 1
        with TrialWatch(self._storage, self._id, limit, code), running(shown):
            returned = given.job.run(cfg)
        objectives = len(given.settings.direction)
        outcome = outcome_of(returned, self._folder, objectives, limit, shown.pruned)
        if outcome.unusable and not self._any_completed():
            raise Refused(f"no trial can have a result: {outcome.reason}")
        return self._judged(outcome, trial)

    def _any_completed(self) -> bool:
        return any(t.state == TrialState.COMPLETE for t in self._session.slots.refresh())

    def _judged(self, outcome: TrialOutcome, trial: optuna.Trial) -> TrialOutcome:
        """Note how far a trial that has ended is beyond the study's constraints.

        Raises:
            ValueError: a constraint bounds what the run has not logged.
            Refused: no trial has.
        """
        limits = self._given.limits
        if limits is None or outcome.state is TrialState.FAIL:
            return outcome
        amounts = attr(self._storage.get_trial(self._id), "amounts", {})
        if outcome.state is TrialState.COMPLETE:
            try:
                amounts = {**amounts, **limits.logged(read_result(self._folder))}
            except ValueError as error:
                if any(t.constraints for t in self._session.slots.refresh()):
                    raise
                raise Refused(f"no trial can be judged: {error}") from error
        for constraint in limits.constraints:
            name = constraint.name
            if name in amounts and name not in trial.constraints:
                trial.set_constraint(name, constraint.violation(amounts[name]))
        return replace(outcome, attrs={**outcome.attrs, "amounts": amounts})

    def _repeated(self) -> dict[str, Any]:
        """The parameters of the trial that this one repeats; none for another one."""
        number = attr(self._ticket, "replicate")
        if number is None:
            return {}
        params = dict(self._session.slots.trials()[number].params)
        self._storage.set_trial_system_attr(self._id, "fixed_params", params)
        return params

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
        """Continue the latest attempt that left a checkpoint: configuration and curve so far."""
        if attr(self._ticket, "paused_at") is not None:
            set_aside(self._folder)
            own = self._folder / "checkpoints" / "last.ckpt"
            if own.is_file():
                return {"ckpt_path": str(own)}
        for earlier in self._earlier():
            folder = folder_of(earlier, self._given.settings.folder)
            checkpoint = folder / "checkpoints" / "last.ckpt"
            if checkpoint.is_file():
                for epoch, value in earlier.intermediate_values.items():
                    self._storage.set_trial_intermediate_value(self._id, epoch, value)
                return {"ckpt_path": str(checkpoint)}
        return {}

    def _earlier(self) -> Iterator[FrozenTrial]:
        """The attempts that this one may continue, the latest first."""
        trials, trial = self._session.slots.trials(), self._ticket
        while (number := attr(trial, "resumed_from")) is not None and number < trial.number:
            trial = trials[number]
            if attr(trial, "starts_anew"):
                return
            yield trial

    def _record(self, outcome: TrialOutcome) -> None:
        study, number = self._session.study, self._ticket.number
        for key, value in outcome.attrs.items():
            self._set(key, value)
        if "paused_at" in self._ticket.user_attrs and "seconds" in outcome.attrs:
            self._set("seconds", attr(self._ticket, "seconds", 0.0) + outcome.attrs["seconds"])
        if outcome.state is not TrialState.FAIL:
            study.tell(number, outcome.values, state=outcome.state)
            return
        self._set("fail_reason", outcome.reason)
        if outcome.traceback:
            self._set("traceback", outcome.traceback)
        study.tell(number, state=TrialState.FAIL)
        release_memory()

    def _epochs(self) -> int:
        """That the trial has reported."""
        return epochs_done(self._storage.get_trial(self._id).intermediate_values)

    def _set(self, key: str, value: Any) -> None:
        self._storage.set_trial_user_attr(self._id, key, value)
