"""What damaged journal lines must have held, concluded from the lines that survived.

A journal holds no trial numbers: the n-th "create trial" makes trial n. A lost one therefore shifts
all later trials, and results would land on the wrong ones. Whether a damaged line was one is seen
from what follows: with the wrong count, workers write to trials that do not exist yet, that have
finished, that belong to another worker, or to another one than they have just begun. The count with
the fewest such contradictions is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from optuna.trial import TrialState

from zmodel.compat.optuna.studies import JournalOperation as Op
from zmodel.study.journal.lines import Gap, Log

SHORTEST_CREATION = 120  # bytes of the shortest "create trial" that Optuna writes
MOST_LOST = 40  # creations looked for in one damaged stretch
CONFIDENCE = 10  # contradictions more than another reading has: then one is given up
MOST_READINGS = 50  # followed beyond the next gap
FIRST_TRIAL_OP, LAST_TRIAL_OP = Op.SET_TRIAL_PARAM, Op.SET_TRIAL_SYSTEM_ATTR
WAITING, ANYONE = "waiting", "anyone"


class _Step(NamedTuple):
    op: int
    id: int  # of the trial, or of the study for a creation
    thread: str
    worker: str  # the thread's process: a worker's heartbeat writes from another thread
    state: int | None


def lost_studies(entries: Sequence[Log | Gap]) -> list[Gap]:
    """The gaps that held the creation of a study that later lines refer to."""
    names: set[str] = set()
    found: list[Gap] = []
    gaps: list[Gap] = []
    made = 0
    for entry in entries:
        if isinstance(entry, Gap):
            gaps.append(entry)
        elif entry["op_code"] == Op.CREATE_STUDY:
            made += entry["study_name"] not in names
            names.add(entry["study_name"])
        else:
            while gaps and entry.get("study_id", -1) >= made + len(found):
                found.append(gaps.pop(0))
    return found


def creates_trial(entries: Sequence[Log | Gap], studies: Sequence[Gap] = ()) -> list[bool]:
    """For each entry whether Optuna makes a trial of it: not in a study that does not exist.

    `studies`: the gaps that held the creation of a study.
    """
    alive: dict[int, str | None] = {}
    made = 0
    result = []
    for entry in entries:
        creates = False
        if isinstance(entry, Gap):
            if entry in studies:
                alive[made] = None
                made += 1
        elif entry["op_code"] == Op.CREATE_STUDY:
            if entry["study_name"] not in alive.values():
                alive[made] = entry["study_name"]
                made += 1
        elif entry["op_code"] == Op.DELETE_STUDY:
            alive.pop(entry["study_id"], None)
        else:
            creates = entry["op_code"] == Op.CREATE_TRIAL and entry["study_id"] in alive
        result.append(creates)
    return result


def lost_trials(entries: Sequence[Log | Gap], studies: Sequence[Gap] = ()) -> dict[Gap, int]:
    """For each gap but `studies` how many creations of trials it held."""
    readings = [_Reading()]
    counted = creates_trial(entries, studies)
    for number, (entry, creates) in enumerate(zip(entries, counted, strict=True)):
        if isinstance(entry, Gap):
            if entry not in studies:
                likely = sorted(readings, key=_Reading.rank)[:MOST_READINGS]
                readings = [way for reading in likely for way in reading.ways_on(entry)]
            continue
        step = _step(entry, creates)
        if step is not None:
            for reading in readings:
                reading.follow(step)
        if len(readings) > 1 and number % 100 == 0:
            least = min(reading.contradictions for reading in readings)
            readings = [r for r in readings if r.contradictions <= least + CONFIDENCE]
    return min(readings, key=_Reading.rank).lost


@dataclass
class _Reading:
    """One way to read the journal: how many creations each gap so far has held."""

    lost: dict[Gap, int] = field(default_factory=dict)
    owners: list[str | None] = field(default_factory=list)  # of each trial; None: finished
    begun: dict[str, int] = field(default_factory=dict)  # by each thread, not yet written to
    contradictions: int = 0
    surprises: int = 0

    def rank(self) -> tuple[int, int, int]:
        return (self.contradictions, self.surprises, sum(self.lost.values()))

    def ways_on(self, gap: Gap) -> list[_Reading]:
        expected = int(b'"op_code":4,' in gap.text and not gap.torn)
        most = min(MOST_LOST, 1 + len(gap.text) // SHORTEST_CREATION)
        return [
            _Reading(
                {**self.lost, gap: n},
                self.owners + [ANYONE] * n,
                dict(self.begun),
                self.contradictions,
                self.surprises + (n - expected) ** 2,  # squares: one each rather than two in one
            )
            for n in range(most + 1)
        ]

    def follow(self, step: _Step) -> None:
        if step.op == Op.CREATE_TRIAL:
            if step.state == TrialState.RUNNING:
                self.begun[step.thread] = len(self.owners)
            self.owners.append(_owner_after(step))
            return
        if self.begun.pop(step.thread, step.id) != step.id:
            self.contradictions += 1
        if step.id >= len(self.owners):
            self.contradictions += 1
        else:
            owner = self.owners[step.id]
            self.contradictions += not _may(step, owner)
            self.owners[step.id] = _next_owner(step, owner)


def _step(log: Log, creates: bool) -> _Step | None:
    op = log["op_code"]
    thread = str(log["worker_id"])
    worker = thread.rsplit("-", 1)[0]
    if creates:
        return _Step(op, log["study_id"], thread, worker, log.get("state", TrialState.RUNNING))
    if FIRST_TRIAL_OP <= op <= LAST_TRIAL_OP:
        return _Step(op, log["trial_id"], thread, worker, log.get("state"))
    return None


def _owner_after(step: _Step) -> str | None:
    if step.state == TrialState.WAITING:
        return WAITING
    return step.worker if step.state == TrialState.RUNNING else None


def _may(step: _Step, owner: str | None) -> bool:
    if owner == WAITING:  # attributes may be set before the trial is claimed
        return step.op in (Op.SET_TRIAL_USER_ATTR, Op.SET_TRIAL_SYSTEM_ATTR) or step.state in (
            TrialState.RUNNING,
            TrialState.FAIL,
        )
    return owner == ANYONE or owner == step.worker


def _next_owner(step: _Step, owner: str | None) -> str | None:
    if owner is None:
        return None
    if step.op == Op.SET_TRIAL_STATE_VALUES:
        return _owner_after(step) if owner in (WAITING, ANYONE) or _ends(step) else owner
    return step.worker if owner == ANYONE else owner


def _ends(step: _Step) -> bool:
    return step.state not in (TrialState.RUNNING, TrialState.WAITING)


def unfinished(logs: Sequence[Log], trial_id: int) -> bool:
    """Whether no log ends this trial, which was created as RUNNING."""
    return not any(
        log["op_code"] == Op.SET_TRIAL_STATE_VALUES
        and log["trial_id"] == trial_id
        and TrialState(log["state"]).is_finished()
        for log in logs
    )


def missing_slots(creations: Sequence[dict[str, Any]]) -> list[int]:
    """Numbers below the greatest slot that no creation's user attributes name."""
    used = {attrs.get("slot") for attrs in creations}
    known = [slot for slot in used if isinstance(slot, int)]
    return [slot for slot in range(max(known, default=0)) if slot not in used]
