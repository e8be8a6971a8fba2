"""Which slots of the budget are used, read incrementally.

A finished trial never changes, so each is read once: what a claim costs does not grow with the
study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.trial_attributes import attr


def wants_retry(trial: FrozenTrial, max_attempts: int) -> bool:
    """Whether this attempt ended without an outcome and its slot must be given again."""
    return (
        trial.state == TrialState.FAIL
        and attr(trial, "slot") is not None
        and "interrupted" in trial.user_attrs
        and attr(trial, "crashes", 0) < max_attempts
    )


def is_put_back(trial: FrozenTrial) -> bool:
    """Whether this attempt ended without an outcome, as it says itself: its slot is given again."""
    return (
        trial.state == TrialState.FAIL
        and "interrupted" in trial.user_attrs
        and attr(trial, "fail_reason") is None
    )


def slot_of(trial: FrozenTrial) -> int | None:
    """The slot of an attempt; a trial of plain Optuna has a negative one of its own.

    ``None`` for a trial that somebody enqueued and nobody has taken yet.
    """
    slot: int | None = attr(trial, "slot")
    return -1 - trial.number if is_foreign(trial) else slot


def is_foreign(trial: FrozenTrial) -> bool:
    """Whether another program made this trial, plain Optuna say: it uses the budget all the same.

    What such a program enqueued is ours once a worker takes it.
    """
    return attr(trial, "slot") is None and trial.state != TrialState.WAITING


def is_paused(trial: FrozenTrial) -> bool:
    """Whether it waits for its turn to go on from its own checkpoint.

    It keeps its number, its folder and its slot, and has no outcome yet.
    """
    return trial.state == TrialState.WAITING and attr(trial, "paused_at") is not None


def pause_notes(trial: FrozenTrial, epochs: int, seconds: float) -> dict[str, Any]:
    """The attributes of a trial that pauses.

    Args:
        trial: as its worker took it up.
        epochs: done so far.
        seconds: that they took.
    """
    began, now = trial.datetime_start or datetime.now(), datetime.now()
    stretch = [began.isoformat(), now.isoformat(), attr(trial, "worker", "")]
    return {
        "paused_at": epochs,
        "pauses": attr(trial, "pauses", 0) + 1,
        "seconds": seconds,
        "stretches": [*trial.user_attrs.get("stretches", ()), stretch],
    }


@dataclass
class Ledger:
    """The state of every slot, kept up to date by :meth:`read`.

    Attributes:
        latest: the latest attempt at each slot.
        open: trials that are running or waiting, in order of their numbers.
        settled: slots that have their outcome, as the trials that gave it, in order of reading.
        failed: those of them that failed.
        retries: latest attempts that ended without an outcome and have no successor.
    """

    max_attempts: int = 3
    latest: dict[int, FrozenTrial] = field(default_factory=dict)
    open: list[FrozenTrial] = field(default_factory=list)
    settled: list[FrozenTrial] = field(default_factory=list)
    failed: list[FrozenTrial] = field(default_factory=list)
    retries: dict[int, FrozenTrial] = field(default_factory=dict)
    pruned: int = 0
    _seen: int = 0
    _lowest_free: int = 0

    def read(self, trials: Sequence[FrozenTrial]) -> Ledger:
        """Take in all trials of the study, a list in order of their numbers."""
        still_open = [trials[t.number] for t in self.open]
        news = [*still_open, *trials[self._seen :]]
        self._seen = len(trials)
        self.open = []
        for trial in news:
            slot = slot_of(trial)
            is_latest = slot is not None and (
                slot not in self.latest or trial.number >= self.latest[slot].number
            )
            if is_latest:
                assert slot is not None
                self.latest[slot] = trial
                self.retries.pop(slot, None)
            if not trial.state.is_finished():
                self.open.append(trial)
            elif is_latest and slot is not None:
                self._finish(slot, trial)
        return self

    def _finish(self, slot: int, trial: FrozenTrial) -> None:
        if wants_retry(trial, self.max_attempts):
            self.retries[slot] = trial
            return
        self.settled.append(trial)
        self.pruned += trial.state == TrialState.PRUNED
        if trial.state == TrialState.FAIL:
            self.failed.append(trial)

    def free_slot(self, n_trials: int | None) -> int | None:
        """The lowest slot never attempted, while the budget has room; None: without limit."""
        if n_trials is not None and len(self.latest) >= n_trials:
            return None
        while self._lowest_free in self.latest:
            self._lowest_free += 1
        return self._lowest_free

    def running(self) -> int:
        """Slots whose latest attempt is running."""
        latest = (self.latest.get(s) for t in self.open if (s := slot_of(t)) is not None)
        return sum(t is not None and t.state == TrialState.RUNNING for t in latest)

    def paused(self) -> list[FrozenTrial]:
        """The trials that wait for their turn, in order of their numbers."""
        return [trial for trial in self.open if is_paused(trial)]


def frequent_reasons(failed: Iterable[FrozenTrial]) -> str:
    """The reasons of failed trials with their counts, the most frequent first."""
    reasons = Counter(str(t.user_attrs.get("fail_reason") or "unknown reason") for t in failed)
    return "Reasons: " + "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(3))
