"""Trials marked as running that nobody works on.

Trials of zmodel record their worker's lease: on this machine it tells for certain whether the
worker lives. Optuna's journal keeps no heartbeat, so for other trials it is inferred: the same
worker has started a later trial (certain), or the trial has run much longer than any trial that
ended (likely).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.selection import count_states
from zmodel.study.budget.lease import Observer, this_machine
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.trial_attributes import attr

TITLE = "Zombies"
QUESTION = "Are trials marked as running that nobody works on?"
# a running trial is suspicious at this multiple of the longest trial that ended, and this age
FACTOR = 3.0
LEAST_SECONDS = 300.0


@dataclass(frozen=True)
class Zombie:
    trial: int
    worker: str | None
    hours: float
    certain: bool


@dataclass(frozen=True)
class Zombies:
    running: int
    zombies: tuple[Zombie, ...]


def data(study: StudyRecord, now: datetime | None = None) -> Zombies:
    """`now` defaults to the clock; give it to get the same answer again."""
    if not study.trials:
        raise Unavailable("the study has no trials")
    now = now or datetime.now()
    running = [t for t in study.trials if t.state == "running"]
    ended = [
        (t.finished - t.started).total_seconds()
        for t in study.trials
        if t.started and t.finished and t.state in ("complete", "pruned")
    ]
    longest = max(ended, default=0.0)
    found = [z for t in running if (z := _judge(study, t, longest, now))]
    return Zombies(count_states(study.trials)["running"], tuple(found))


def _judge(study: StudyRecord, trial: TrialRecord, longest: float, now: datetime) -> Zombie | None:
    if trial.started is None:
        return None
    age = (now - trial.started).total_seconds()
    worker = trial.attrs.get("worker")
    dead = _lease_is_dead(trial)
    if dead is False:
        return None
    certain = dead is True or (
        worker is not None
        and any(t.number > trial.number and t.attrs.get("worker") == worker for t in study.trials)
    )
    likely = age > max(FACTOR * longest, LEAST_SECONDS) and longest > 0
    if not certain and not likely:
        return None
    return Zombie(trial.number, None if worker is None else str(worker), age / 3600, certain)


def _lease_is_dead(trial: TrialRecord) -> bool | None:
    """Whether the worker of this machine is dead; None when that cannot be seen from here."""
    lease = attr(trial, "lease")
    if lease is None or lease["machine"] != this_machine():
        return None
    return not Observer().is_alive(lease, trial.number, trial.attrs.get("heartbeat"))


def nothing(record: Zombies) -> str | None:
    return None if record.zombies else "No trial is marked as running that nobody works on."


def rows(record: Zombies) -> list[Row]:
    return [flat(zombie) for zombie in record.zombies]


def caption(record: Zombies) -> str:
    return f"{len(record.zombies)} of {record.running} running trials look dead."
