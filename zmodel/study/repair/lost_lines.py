"""Recovers the logs of a damaged journal.

Lost lines are made again where they must be.

A journal holds no trial numbers: the n-th "create trial" makes trial n. A lost one would shift all
later trials, and results would land on the wrong ones. The other operations name their trial. So
when one names a trial that was not created, its creation was on the damaged line before, and an
empty one takes its place. The same holds for studies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalStorage

from zmodel.compat.optuna.studies import JournalOperation as Op
from zmodel.study.journal.lines import Gap, Log, name, parse, salvage, value_in

WORKER = "repair-0"
SHORTEST_CREATION = 120  # bytes of the shortest "create trial" that Optuna writes
REPAIRED = "repaired"
"""The attribute of a trial whose creation was lost."""

MakeStudy = Callable[[Gap], Log]
"""From the line on which a study was created to that log."""


@dataclass
class Mended:
    """Logs that make a whole journal, and what became of each damaged line (1-based)."""

    logs: list[Log] = field(default_factory=list)
    damaged: dict[int, str] = field(default_factory=dict)


def mend(lines: Sequence[bytes], make_study: MakeStudy) -> Mended:
    """Read whole lines, without their ends; lines that Optuna cannot apply count as damaged."""
    entries, damaged = _read(lines)
    return _Renumbering(make_study, Mended([], damaged)).of(entries)


def _read(lines: Sequence[bytes]) -> tuple[list[Log | Gap], dict[int, str]]:
    entries: list[Log | Gap] = []
    numbers: list[int] = []
    for number, line in enumerate(lines, start=1):
        log = parse(line)
        pieces = [log] if log is not None else salvage(number, line)
        entries += pieces
        numbers += [number] * len(pieces)
    logs = [at for at, entry in enumerate(entries) if isinstance(entry, dict)]
    for refused in _refused_by_optuna([entries[at] for at in logs]):
        at = logs[refused]
        entries[at] = Gap(numbers[at], lines[numbers[at] - 1], without_effect=True)
    gaps = [entry for entry in entries if isinstance(entry, Gap)]
    return entries, {gap.line: f"{name(gap.text)} lost" for gap in gaps}


class _Given(BaseJournalBackend):
    """A journal in memory that counts what was taken from it."""

    def __init__(self) -> None:
        self.logs: list[Any] = []
        self.taken = 0

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        for number in range(log_number_from, len(self.logs)):
            self.taken = number
            yield self.logs[number]

    def append_logs(self, logs: list[Log]) -> None:
        raise AssertionError("nothing is to be written")


def _refused_by_optuna(logs: Sequence[Any]) -> list[int]:
    backend = _Given()
    storage = JournalStorage(backend)  # empty as yet
    backend.logs = list(logs)
    refused: list[int] = []
    while True:
        try:
            storage.get_all_studies()
            return refused
        except Exception:  # whatever the line makes Optuna raise; it goes on behind it
            refused.append(backend.taken)


@dataclass
class _Place:
    """A damaged line, how many creations it may have held, and those that take its place."""

    gap: Gap
    room: int
    made: list[Log] = field(default_factory=list)


@dataclass
class _Renumbering:
    """Goes through the entries and counts what they create."""

    make_study: MakeStudy
    mended: Mended
    studies: dict[int, Any] = field(default_factory=dict)
    """Id -> name of the studies that exist."""
    made_studies: int = 0
    trials: int = 0
    places: list[_Place] = field(default_factory=list)

    def of(self, entries: Sequence[Log | Gap]) -> Mended:
        parts: list[list[Log]] = []
        for entry in entries:
            if isinstance(entry, Gap):
                parts.append(self._place(entry).made)
            else:
                self._make_lost(entry)
                self._count(entry)
                parts.append([entry])
        self.mended.logs = [log for part in parts for log in part]
        return self.mended

    def _place(self, gap: Gap) -> _Place:
        place = _Place(gap, room=1 + len(gap.text) // SHORTEST_CREATION)
        self.places.append(place)
        operation = None if gap.without_effect else value_in(gap.text, "op_code")
        if operation == Op.CREATE_STUDY:
            self._insert(self.make_study(gap), place)
        elif operation == Op.CREATE_TRIAL and self.studies:
            self._insert(self._trial(gap), place)
        return place

    def _make_lost(self, log: Log) -> None:
        """Create what this log names and nothing has created, where there is room for it."""
        for place in self.places:  # studies come first in a journal
            while place.room and self._lacks_study(log):
                self._insert(self.make_study(place.gap), place)
        for place in reversed(self.places):  # workers write to a trial as soon as it is there
            while place.room and self.studies and log.get("trial_id", -1) >= self.trials:
                self._insert(self._trial(place.gap), place)

    def _lacks_study(self, log: Log) -> bool:
        return bool(
            log["op_code"] != Op.CREATE_STUDY and log.get("study_id", -1) >= self.made_studies
        )

    def _insert(self, log: Log, place: _Place) -> None:
        self._count(log)
        place.made.append(log)
        place.room -= 1
        of_study = log["op_code"] == Op.CREATE_STUDY
        what = f"the study {log['study_name']!r}" if of_study else "a trial"
        self.mended.damaged[place.gap.line] += f"; {what} was created again"

    def _count(self, log: Log) -> None:
        operation = log["op_code"]
        if operation == Op.CREATE_STUDY and log["study_name"] not in self.studies.values():
            self.studies[self.made_studies] = log["study_name"]
            self.made_studies += 1
        elif operation == Op.DELETE_STUDY:
            self.studies.pop(log["study_id"], None)
        elif operation == Op.CREATE_TRIAL and log["study_id"] in self.studies:
            self.trials += 1

    def _trial(self, gap: Gap) -> Log:
        """A creation in state RUNNING, so that the surviving logs of the trial apply to it."""
        study, attrs = value_in(gap.text, "study_id"), value_in(gap.text, "user_attrs")
        known = attrs if isinstance(attrs, dict) else {}
        return {
            "op_code": int(Op.CREATE_TRIAL),
            "worker_id": WORKER,
            "study_id": study if study in self.studies else min(self.studies),
            "datetime_start": datetime.now(tz=timezone.utc).isoformat(timespec="microseconds"),
            "user_attrs": {**known, REPAIRED: f"its creation on line {gap.line} was lost"},
        }
