"""Mending a journal that is damaged in the middle: `python -m zmodel.study repair PATH`.

What can be read is kept, also behind an unreadable piece of the same line. A lost creation of a
trial or study is replaced, or all later ones would get other numbers (see ``lost``).
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from optuna.storages.journal import JournalStorage
from optuna.trial import TrialState

from zmodel.compat.optuna.studies import JournalOperation as Op
from zmodel.study.journal.file import JournalError, JournalFile, open_existing
from zmodel.study.journal.lines import Gap, Log, could_be_torn, field, name, parse, salvage
from zmodel.study.journal.lost import (
    creates_trial,
    lost_studies,
    lost_trials,
    missing_slots,
    unfinished,
)
from zmodel.study.storage.file_lock import acquire, release

WORKER = "repair-0"


@dataclass(frozen=True)
class RepairReport:
    """What was found and done. `damaged` maps line numbers (1-based) to what became of them."""

    path: Path
    lines: int
    damaged: dict[int, str] = dataclasses.field(default_factory=dict)
    torn_bytes: int = 0
    backup: Path | None = None

    @property
    def healthy(self) -> bool:
        """Nothing was wrong, nothing was written."""
        return self.backup is None

    def __str__(self) -> str:
        if self.healthy:
            return f"{self.path}: {self.lines} lines, no damage, nothing changed"
        found = [f"  line {number}: {what}" for number, what in self.damaged.items()]
        if self.torn_bytes:
            found.append(f"  end: {self.torn_bytes} bytes of a write that never ended, removed")
        head = f"{self.path}: {self.lines} lines, {len(self.damaged)} damaged; repaired"
        return "\n".join([head, *found, f"  the damaged file is kept as {self.backup}"])


def repair(
    path: str | os.PathLike[str],
    *,
    study_name: str | None = None,
    directions: Sequence[str] | None = None,
) -> RepairReport:
    """Mend the journal at `path` in place; a backup stays next to it when there was damage.

    Stop the study's workers first: running ones notice that the file was replaced, and end.

    Args:
        study_name, directions: ("minimize" or "maximize" each) of the study, needed only if the
            line that created it is lost. The name of a journal study.journal is its folder's.

    JournalError, and no change, if the result would not be readable or these are missing.
    """
    path = Path(os.path.abspath(path))
    handle = open_existing(str(path), os.O_RDWR)
    try:
        acquire(handle, str(path))
        *lines, torn = path.read_bytes().split(b"\n")
        entries, damaged = _read(lines)
        if not damaged and not torn:
            return RepairReport(path, len(lines))
        if lines and not any(isinstance(entry, dict) for entry in entries):
            raise JournalError(f"{path} is not a journal: none of its {len(lines)} lines is a log")
        if not could_be_torn(torn):
            damaged[len(lines) + 1] = "unreadable, dropped"
        names = _Given(study_name or _folder_name(path), directions)
        logs = _rebuild(entries, damaged, names, path)
        backup = _replace(path, logs)
        return RepairReport(path, len(lines), dict(sorted(damaged.items())), len(torn), backup)
    finally:
        release(handle)


@dataclass(frozen=True)
class _Given:
    study_name: str | None
    directions: Sequence[str] | None


def _folder_name(path: Path) -> str | None:
    return path.parent.name if path.name == "study.journal" else None


def _read(lines: Sequence[bytes]) -> tuple[list[Log | Gap], dict[int, str]]:
    entries: list[Log | Gap] = []
    damaged: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        log = parse(line)
        if log is not None:
            entries.append(log)
            continue
        pieces = salvage(number, line)
        entries += pieces
        kept = sum(isinstance(piece, dict) for piece in pieces)
        gaps = [piece for piece in pieces if isinstance(piece, Gap)]
        lost = f"{name(gaps[0].text)} lost" if gaps else "nothing lost"
        damaged[number] = f"{kept} log(s) on it kept, {lost}" if kept else f"{lost}, line dropped"
    return entries, damaged


def _rebuild(
    entries: Sequence[Log | Gap], damaged: dict[int, str], given: _Given, path: Path
) -> list[Log]:
    studies = lost_studies(entries)
    trials = lost_trials(entries, studies)
    logs: list[Log] = []
    made: list[tuple[int, Log, int]] = []  # trial id, creation, line
    count = 0
    for at, (entry, creates) in enumerate(
        zip(entries, creates_trial(entries, studies), strict=True)
    ):
        if isinstance(entry, dict):
            logs.append(entry)
            count += creates
        elif entry in studies:
            logs.append(_study(entry, given, path))
            damaged[entry.line] += f"; the study {logs[-1]['study_name']!r} was created again"
        else:
            for _ in range(trials[entry]):
                logs.append(_trial(entry, entries, at))
                made.append((count, logs[-1], entry.line))
                count += 1
    _restore_slots(logs, made)
    for trial_id, creation, line in made:
        fails = unfinished(logs, trial_id)
        if fails:
            logs += _failure(trial_id, creation, line)
        outcome = "set to FAIL" if fails else "its later lines complete it"
        damaged[line] += f"; trial id {trial_id} was created again, {outcome}"
    return logs


def _study(gap: Gap, given: _Given, path: Path) -> Log:
    name = field(gap.text, "study_name") or given.study_name
    directions = field(gap.text, "directions")
    if given.directions:
        directions = [{"minimize": 1, "maximize": 2}[d.lower()] for d in given.directions]
    if not name or not directions:
        raise JournalError(
            f"line {gap.line} of {path} created a study, but its name or direction cannot be read "
            "any more; give them: repair(path, study_name=..., directions=['maximize'])"
        )
    return {
        "op_code": int(Op.CREATE_STUDY),
        "worker_id": WORKER,
        "study_name": name,
        "directions": directions,
    }


def _trial(gap: Gap, entries: Sequence[Log | Gap], at: int) -> Log:
    """A creation in state RUNNING, so that the surviving logs of the trial apply to it."""
    near = [e for e in (*entries[at + 1 :], *reversed(entries[:at])) if isinstance(e, dict)]
    study = field(gap.text, "study_id")
    if study is None:
        study = next((e["study_id"] for e in near if e["op_code"] == Op.CREATE_TRIAL), 0)
    times = (e.get("datetime_start") or e.get("datetime_complete") for e in near)
    attrs = field(gap.text, "user_attrs") or {}
    return {
        "op_code": int(Op.CREATE_TRIAL),
        "worker_id": WORKER,
        "study_id": study,
        "datetime_start": field(gap.text, "datetime_start") or next(filter(None, times), _now()),
        "user_attrs": {**attrs, "repaired": f"its creation on line {gap.line} was lost"},
    }


def _restore_slots(logs: Sequence[Log], made: Sequence[tuple[int, Log, int]]) -> None:
    """Give created trials their unit of the budget back, where only one reading is possible."""
    creations = [log.get("user_attrs") or {} for log in logs if log["op_code"] == Op.CREATE_TRIAL]
    unknown = [(trial, log) for trial, log, _ in made if "slot" not in log["user_attrs"]]
    free = missing_slots(creations)
    for trial, log in unknown:
        for attrs in creations:  # a later attempt names the trial that it continues
            if attrs.get("resumed_from") == trial and "slot" in attrs:
                log["user_attrs"]["slot"] = attrs["slot"]
    unknown = [(trial, log) for trial, log in unknown if "slot" not in log["user_attrs"]]
    if len(free) == len(unknown):
        for slot, (_, log) in zip(free, unknown, strict=True):
            log["user_attrs"]["slot"] = slot


def _failure(trial_id: int, creation: Log, line: int) -> list[Log]:
    """Ends a trial without an outcome. `interrupted` has its slot given again, if it has one."""
    base: Log = {"worker_id": WORKER, "trial_id": trial_id}
    reason = f"JournalDamage: line {line}"
    attrs = {"fail_reason": reason}
    if "slot" in creation["user_attrs"]:
        attrs["interrupted"] = reason
    logs = [
        {"op_code": int(Op.SET_TRIAL_USER_ATTR), **base, "user_attr": {key: value}}
        for key, value in attrs.items()
    ]
    end = {"state": int(TrialState.FAIL), "values": None, "datetime_complete": _now()}
    return [*logs, {"op_code": int(Op.SET_TRIAL_STATE_VALUES), **base, **end}]


def _now() -> str:
    return datetime.now(tz=timezone.utc).isoformat(timespec="microseconds")


def _replace(path: Path, logs: Sequence[Log]) -> Path:
    """Put a file with `logs` in the place of `path`; where the old one is kept."""
    fresh = path.with_name(f"{path.name}.repairing-{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, fresh)
        try:
            JournalStorage(JournalFile(fresh, read_only=True))
        except Exception as error:
            raise JournalError(
                f"{path} cannot be repaired: what is left of it does not make a study "
                f"({type(error).__name__}: {error}); it was not changed"
            ) from error
        backup = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        while backup.exists():
            backup = backup.with_name(backup.name + "x")
        shutil.copy2(path, backup)
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return backup
