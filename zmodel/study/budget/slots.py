"""The budget of a study: slots, each attempted until it has an outcome.

A slot is a unit of the budget, a trial is one attempt at it. An attempt that is interrupted
(its worker died, or was asked to stop) ends as FAIL with the attribute ``interrupted``, and the
slot is given again as a new trial with the same parameters. A trial that is paused is WAITING with
the attribute ``paused_at``, and goes on under its own number when its turn comes. Everything is
derived from the trials themselves: whatever is killed at whatever moment, the next claim sees
what is missing.

All decisions are made while holding the study's lock (:mod:`zmodel.study.storage.study_lock`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.budget.first_trial import FirstTrial
from zmodel.study.budget.lease import Lease, Observer
from zmodel.study.budget.ledger import Ledger, is_paused, pause_notes, slot_of
from zmodel.study.budget.plan import Next, Plan
from zmodel.study.budget.strangers import Strangers
from zmodel.study.budget.tally import Tally
from zmodel.study.trial_attributes import attr

Decide = Callable[[Sequence[FrozenTrial], int], dict[str, Any]]
"""From all trials and a slot to the user attributes of the slot's first attempt."""


INHERITED = (
    "slot", "forced", "forced_to", "crashes", "control", "spared", "until", "pauses", "seconds",
    "baseline", "baseline_moved", "replicate", "rejected", "rejected_params",
)  # fmt: skip
"""What an attempt takes from the one before it."""


@dataclass
class Slots:
    """The slots of one study, seen from one process.

    Args:
        n_trials: the budget, over all workers and restarts; None: as many as `plan` pays for.
        max_attempts: how often a slot is attempted when workers die on it.
        lock: makes the context in which the budget is counted and changed.
        plan: of a budget of epochs.
    """

    storage: BaseStorage
    study_id: int
    n_trials: int | None
    lock: Callable[[], AbstractContextManager[Any]]
    max_attempts: int = 3
    plan: Plan | None = None
    observer: Observer = field(default_factory=Observer)
    ledger: Ledger = field(init=False)
    strangers: Strangers = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.max_attempts)
        self.strangers = Strangers(self.observer)

    def trials(self) -> list[FrozenTrial]:
        return self.storage.get_all_trials(self.study_id, deepcopy=False)

    def id_of(self, trial: FrozenTrial) -> int:
        """What the storage calls the trial."""
        return self.storage.get_trial_id_from_study_id_trial_number(self.study_id, trial.number)

    def note(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Note an attribute of a trial that has not finished."""
        self.storage.set_trial_user_attr(self.id_of(trial), key, value)

    def claim(self, lease: Lease, decide: Decide = lambda trials, slot: {}) -> FrozenTrial | None:
        """Take the next trial for this worker, which then is RUNNING; ``None``: none is to run."""
        with self.lock():
            trials = self._reap(lease.id)
            waiting = [trial for trial in self._waiting() if self._is_latest(trial)]
            again = next((t for t in waiting if attr(t, "attempt", 1) > 1), None)
            if again is not None:
                return self._take(again, lease, {})
            step = self._next(trials, waiting)
            if step is None:
                return None
            if step.slot is not None:
                return self._take(self.ledger.latest[step.slot], lease, step.attrs)
            if step.given:
                return self._take(waiting[0], lease, step.attrs)
            slot = self.ledger.free_slot(self.n_trials)
            assert slot is not None, "a new trial where there is no room"
            attrs = {"slot": slot, "attempt": 1, **lease_attrs(lease)}
            attrs |= decide(trials, slot) | step.attrs
            template = create_trial(state=TrialState.RUNNING, user_attrs=attrs)
            return self.storage.get_trial(self.storage.create_new_trial(self.study_id, template))

    def _waiting(self) -> list[FrozenTrial]:
        """Trials to be begun, as somebody enqueued them, and attempts to be made again."""
        has_room = self.ledger.free_slot(self.n_trials) is not None
        return [
            trial
            for trial in self.ledger.open
            if trial.state == TrialState.WAITING
            and not is_paused(trial)
            and (has_room or attr(trial, "slot") is not None)
        ]

    def _is_latest(self, trial: FrozenTrial) -> bool:
        """Of its slot; one that is not was written twice, and ends."""
        slot = attr(trial, "slot")
        if slot is None or self.ledger.latest[slot].number == trial.number:
            return True
        self.interrupt(trial, "written twice", crashed=False)
        return False

    def _next(self, trials: Sequence[FrozenTrial], waiting: Sequence[FrozenTrial]) -> Next | None:
        """What a free worker gets; without a plan, trials that a rule had paused go on first."""
        given = waiting[0] if waiting else None
        new = self.ledger.free_slot(self.n_trials) is not None
        if self.plan is not None:
            return self.plan.next(self.ledger, trials, new=new, given=given)
        if paused := self.ledger.paused():
            return Next(slot_of(paused[0]), {"until": None})
        return Next(None, {}, given is not None) if new or given else None

    def _take(self, trial: FrozenTrial, lease: Lease, attrs: dict[str, Any]) -> FrozenTrial | None:
        if attr(trial, "slot") is None:  # enqueued by plain Optuna or a dashboard
            self.note(trial, "slot", self.ledger.free_slot(self.n_trials))
        for key, value in {**attrs, **lease_attrs(lease)}.items():
            self.note(trial, key, value)
        taken = self.storage.set_trial_state_values(self.id_of(trial), TrialState.RUNNING)
        found = self.storage.get_trial(self.id_of(trial))
        # when the reply to a claim was lost and it is repeated, it is ours all the same
        mine = found.state == TrialState.RUNNING and found.user_attrs.get("worker") == lease.id
        return found if taken or mine else None

    def pause(self, trial: FrozenTrial, epochs: int, seconds: float) -> None:
        """Let a trial that this worker ran wait for its turn; it keeps its number and folder.

        Whoever dies before the last of these writes leaves a RUNNING trial, which is reaped, and
        whose next attempt finds the same checkpoint.
        """
        for key, value in pause_notes(trial, epochs, seconds).items():
            self.note(trial, key, value)
        self.storage.set_trial_state_values(self.id_of(trial), TrialState.WAITING)

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
            key: value for key in INHERITED if (value := attr(trial, key)) is not None
        }
        attrs["attempt"] = attr(trial, "attempt", 1) + 1
        attrs["resumed_from"] = trial.number
        system = {**trial.system_attrs}
        if trial.params:
            system["fixed_params"] = trial.params
        template = create_trial(state=TrialState.WAITING, user_attrs=attrs, system_attrs=system)
        self.storage.create_new_trial(self.study_id, template)

    def enqueue(self, first: Iterable[FirstTrial]) -> None:
        """Give the first free slots these parameters; other parameters are sampled."""
        with self.lock():
            self.refresh()
            slots = count() if self.n_trials is None else range(self.n_trials)
            free = (k for k in slots if k not in self.ledger.latest)
            for slot, given in list(zip(free, first, strict=False)):
                self.storage.create_new_trial(self.study_id, given.waiting(slot))

    def tally(self) -> Tally:
        """Count slots by the state of their latest attempt."""
        trials = self.refresh()
        ledger, given_up = self.ledger, len(self.strangers.left_behind(self.ledger.open))
        finished, running = len(ledger.settled) + given_up, ledger.running() - given_up
        paused, begun = len(ledger.paused()), finished + running
        total = max(self.n_trials or 0, begun + paused)
        counts = (total, finished, running, total - begun - paused, len(ledger.failed))
        if self.plan is None:
            return Tally(*counts, ledger.pruned, paused)
        epochs = (self.plan.used(ledger, trials), self.plan.epochs)
        return Tally(*counts, ledger.pruned, paused, epochs, self._is_work_left(trials))

    def _is_work_left(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether a claim of now would get a trial."""
        waiting = self._waiting()
        again = self.ledger.retries or any(attr(t, "attempt", 1) > 1 for t in waiting)
        return bool(again) or self._next(trials, waiting) is not None


def lease_attrs(lease: Lease) -> dict[str, Any]:
    return {"worker": lease.id, "lease": lease.record}
