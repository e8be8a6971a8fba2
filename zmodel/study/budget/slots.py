"""The budget of a study: ``n_trials`` slots, each attempted until it has an outcome.

A slot is a unit of the budget, a trial is one attempt at it. An attempt that is interrupted
(its worker died, or was asked to stop) ends as FAIL with the attribute ``interrupted``, and the
slot is given again as a new trial with the same parameters. Everything is derived from the
trials themselves: whatever is killed at whatever moment, the next claim sees what is missing.

All decisions are made while holding the study's lock (:mod:`zmodel.study.storage.study_lock`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.budget.lease import SILENT_AFTER, Lease, Observer
from zmodel.study.budget.ledger import Ledger
from zmodel.study.trial_attributes import attr

log = logging.getLogger(__name__)

Decide = Callable[[Sequence[FrozenTrial], int], dict[str, Any]]
"""From all trials and a slot to the user attributes of the slot's first attempt."""


@dataclass(frozen=True)
class Tally:
    """How far the budget has been used, in slots."""

    total: int
    finished: int
    running: int
    waiting: int
    failed: int
    pruned: int

    @property
    def is_complete(self) -> bool:
        return self.finished >= self.total


@dataclass
class Slots:
    """The slots of one study, seen from one process.

    Args:
        n_trials: the budget, over all workers and restarts.
        max_attempts: how often a slot is attempted when workers die on it.
        lock: makes the context in which the budget is counted and changed.
    """

    storage: BaseStorage
    study_id: int
    n_trials: int
    lock: Callable[[], AbstractContextManager[Any]]
    max_attempts: int = 3
    observer: Observer = field(default_factory=Observer)
    ledger: Ledger = field(init=False)
    silent: set[int] = field(init=False, default_factory=set)
    """Trials that other programs have left behind, see :meth:`_silent_strangers`."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.max_attempts)

    def trials(self) -> list[FrozenTrial]:
        return self.storage.get_all_trials(self.study_id, deepcopy=False)

    def id_of(self, trial: FrozenTrial) -> int:
        """What the storage calls the trial."""
        return self.storage.get_trial_id_from_study_id_trial_number(self.study_id, trial.number)

    def note(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Note an attribute of a trial that has not finished."""
        self.storage.set_trial_user_attr(self.id_of(trial), key, value)

    def claim(self, lease: Lease, decide: Decide = lambda trials, slot: {}) -> FrozenTrial | None:
        """Take the next slot for this worker as a RUNNING trial; ``None`` when none is free."""
        with self.lock():
            trials = self._reap(lease.id)
            for trial in list(self.ledger.open):
                if trial.state == TrialState.WAITING:
                    slot = attr(trial, "slot")
                    if slot is None or self.ledger.latest[slot].number == trial.number:
                        return self._take(trial, lease)
                    self.interrupt(trial, "written twice", crashed=False)
            slot = self.ledger.free_slot(self.n_trials)
            if slot is None:
                return None
            attrs = {"slot": slot, "attempt": 1, **lease_attrs(lease), **decide(trials, slot)}
            template = create_trial(state=TrialState.RUNNING, user_attrs=attrs)
            return self.storage.get_trial(self.storage.create_new_trial(self.study_id, template))

    def _take(self, trial: FrozenTrial, lease: Lease) -> FrozenTrial | None:
        if attr(trial, "slot") is None:  # enqueued by plain Optuna or a dashboard
            slot = self.ledger.free_slot(self.n_trials)
            if slot is None:
                return None
            self.note(trial, "slot", slot)
        for key, value in lease_attrs(lease).items():
            self.note(trial, key, value)
        taken = self.storage.set_trial_state_values(self.id_of(trial), TrialState.RUNNING)
        found = self.storage.get_trial(self.id_of(trial))
        # when the reply to a claim was lost and it is repeated, it is ours all the same
        mine = found.state == TrialState.RUNNING and found.user_attrs.get("worker") == lease.id
        return found if taken or mine else None

    def reap(self) -> None:
        """Give the slots of dead workers again."""
        with self.lock():
            self._reap()

    def _reap(self, me: str | None = None) -> list[FrozenTrial]:
        """All trials, none of them of a dead worker and no retry missing.

        ``me`` is a worker that asks for a trial: what runs in its name is an orphan.
        """
        trials = self.refresh()
        for trial in list(self.ledger.open):
            if trial.state != TrialState.RUNNING:
                continue
            orphan = me is not None and trial.user_attrs.get("worker") == me
            if orphan or not self._is_alive(trial):
                reason = "its reply was lost" if orphan else "its worker died"
                self.interrupt(trial, reason, crashed=not orphan)
                trials = self.refresh()
        # also those whose successor was never written: somebody died between the two
        for trial in list(self.ledger.retries.values()):
            self._retry(trial)
            trials = self.refresh()
        return trials

    def refresh(self) -> list[FrozenTrial]:
        """Bring the ledger up to date; all trials."""
        trials = self.trials()
        self.ledger.read(trials)
        return trials

    def _is_alive(self, trial: FrozenTrial) -> bool:
        record = attr(trial, "lease")
        if record is None:  # a trial of plain Optuna: not ours to judge
            return True
        return self.observer.is_alive(record, trial.number, trial.user_attrs.get("heartbeat"))

    def interrupt(self, trial: FrozenTrial, reason: str, *, crashed: bool) -> None:
        """End an attempt without an outcome; the next reap or claim gives its slot again."""
        crashes = attr(trial, "crashes", 0) + int(crashed)
        try:
            for key, value in (("crashes", crashes), ("interrupted", reason)):
                self.note(trial, key, value)
            if crashes >= self.max_attempts:
                verdict = f"WorkerDied: {reason}, {crashes} times"
                self.note(trial, "fail_reason", verdict)
            self.storage.set_trial_state_values(self.id_of(trial), TrialState.FAIL)
        except UpdateFinishedTrialError:
            pass  # finished in the meantime, by its worker or another reaper

    def _retry(self, trial: FrozenTrial) -> None:
        attrs: dict[str, Any] = {
            key: value
            for key in ("slot", "forced", "forced_to", "crashes")
            if (value := attr(trial, key)) is not None
        }
        if "control" in trial.user_attrs:
            attrs["control"] = trial.user_attrs["control"]
        attrs["attempt"] = attr(trial, "attempt", 1) + 1
        attrs["resumed_from"] = trial.number
        system = {**trial.system_attrs}
        if trial.params:
            system["fixed_params"] = trial.params
        template = create_trial(state=TrialState.WAITING, user_attrs=attrs, system_attrs=system)
        self.storage.create_new_trial(self.study_id, template)

    def enqueue(self, configurations: Iterable[dict[str, Any]]) -> None:
        """Give the first free slots these parameters; other parameters are sampled."""
        with self.lock():
            self.refresh()
            free = (k for k in range(self.n_trials) if k not in self.ledger.latest)
            for slot, params in list(zip(free, configurations, strict=False)):
                template = create_trial(
                    state=TrialState.WAITING,
                    user_attrs={"slot": slot, "attempt": 1, "enqueued": True},
                    system_attrs={"fixed_params": params},
                )
                self.storage.create_new_trial(self.study_id, template)

    def tally(self) -> Tally:
        """Count slots by the state of their latest attempt."""
        self.refresh()
        ledger, given_up = self.ledger, len(self._silent_strangers())
        finished, running = len(ledger.settled) + given_up, ledger.running() - given_up
        total = max(self.n_trials, finished + running)
        waiting = total - finished - running
        return Tally(total, finished, running, waiting, len(ledger.failed), ledger.pruned)

    def _silent_strangers(self) -> set[int]:
        """Trials that another program began and no longer writes to: they count as attempted.

        They are not ended, which is for that program to do.
        """
        for trial in self.ledger.open:
            if trial.state == TrialState.RUNNING and attr(trial, "lease") is None:
                curve = trial.intermediate_values
                sign = (len(trial.params), len(trial.user_attrs), len(curve))
                if self.observer.is_silent(trial.number, sign) and trial.number not in self.silent:
                    self.silent.add(trial.number)
                    log.warning(
                        "trial %d was begun by another program that has not written to it for "
                        "%g s: it counts as attempted, and the study goes on without it",
                        trial.number, SILENT_AFTER,
                    )  # fmt: skip
        self.silent &= {trial.number for trial in self.ledger.open}
        return self.silent


def lease_attrs(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.id, "lease": lease.record}
