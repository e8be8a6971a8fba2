"""``python -m zmodel.study repair PATH``.

Puts a whole journal in the place of a damaged or lost one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from zmodel.compat.optuna.studies import JournalOperation as Op
from zmodel.core.atomic_file import replacing
from zmodel.study.folder import JOURNAL, run_folders
from zmodel.study.journal.file import JournalError, open_existing
from zmodel.study.journal.lines import Gap, Log, could_be_torn, value_in
from zmodel.study.repair.lost_lines import REPAIRED, WORKER, Mended, mend
from zmodel.study.repair.lost_run import KnownStudy
from zmodel.study.repair.rebuild import Rebuilt, rebuild
from zmodel.study.storage.address import scheme
from zmodel.study.storage.file_lock import acquire, folder_lock, release
from zmodel.study.storage.opening import open_storage

DIRECTIONS = {"minimize": 1, "maximize": 2}


@dataclass(frozen=True)
class RepairReport:
    """What was found and done. `damaged` maps line numbers (1-based) to what became of them."""

    path: Path
    lines: int
    damaged: dict[int, str] = dataclasses.field(default_factory=dict)
    torn_bytes: int = 0
    rebuilt: Rebuilt = dataclasses.field(default_factory=Rebuilt)
    backup: Path | None = None
    command: str | None = None

    @property
    def healthy(self) -> bool:
        """Nothing was wrong, nothing was written."""
        return not (self.damaged or self.torn_bytes or self.rebuilt)

    def __str__(self) -> str:
        if self.healthy:
            return f"{self.path}: {self.lines} lines, no damage, nothing changed"
        found = [f"line {number}: {what}" for number, what in self.damaged.items()]
        if self.torn_bytes:
            found.append(f"end: {self.torn_bytes} bytes of a write that never ended, removed")
        if self.rebuilt:
            found.append(str(self.rebuilt))
        if self.backup:
            found.append(f"the file as it was is kept as {self.backup}")
        if self.command:
            found.append(f"to continue the study: {self.command}")
        lines = f"{self.lines} lines, {len(self.damaged)} damaged" if self.lines else "made again"
        head = f"{self.path}: {lines}; repaired"
        return "\n  ".join([head, *found])


def repair(
    path: str | os.PathLike[str],
    *,
    study_name: str | None = None,
    directions: Sequence[str] | None = None,
) -> RepairReport:
    """Mend the journal at `path`, or make it anew; a backup of what it held stays next to it.

    Stop the study's workers first: running ones notice that the file was replaced, and end.

    Args:
        path: a journal, or the folder of a study.
        study_name, directions: ("minimize" or "maximize" each) of the study, needed only if
            the line that created it is lost and study.json does not say them.

    Raises:
        JournalError: the result would not be readable, or these are missing. Nothing was changed.
    """
    path = Path(os.path.abspath(path))
    path = path / JOURNAL if path.is_dir() else path
    known, runs = _known(path, study_name, directions), _runs(path)
    with _locked(path, missing_is_fine=bool(runs)):
        return _Repair(path, known, runs).run()


@contextmanager
def _locked(path: Path, missing_is_fine: bool) -> Iterator[None]:
    """The locks of its study and of the journal itself, as far as there are any."""
    with ExitStack() as stack:
        if path.name == JOURNAL and path.parent.is_dir():
            stack.enter_context(folder_lock(path.parent))
        if path.exists() or not missing_is_fine:
            handle = open_existing(str(path), os.O_RDWR)
            try:
                acquire(handle, str(path))
            except BaseException:
                os.close(handle)
                raise
            stack.callback(release, handle)
        yield


def _runs(path: Path) -> dict[int, Path]:
    """The runs of the study whose own journal this is."""
    return run_folders(path.parent) if path.name == JOURNAL else {}


def _known(path: Path, name: str | None, directions: Sequence[str] | None) -> KnownStudy:
    known = KnownStudy.read(path.parent) if path.name == JOURNAL else KnownStudy()
    if known.address and scheme(known.address) != "journal":
        raise JournalError(
            f"the study in {path.parent} is kept in {known.address}; there is no journal to repair"
        )
    given = tuple(directions or known.directions)
    return dataclasses.replace(known, name=name or known.name, directions=given)


@dataclass
class _Repair:
    path: Path
    known: KnownStudy
    runs: dict[int, Path]

    def run(self) -> RepairReport:
        """The caller holds the locks."""
        *lines, torn = self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]
        mended = mend(lines, self._study)
        if lines and not mended.logs and not self.runs:
            raise JournalError(
                f"{self.path} is not a journal: none of its {len(lines)} lines is a log"
            )
        if not could_be_torn(torn):
            mended.damaged[len(lines) + 1] = "unreadable, dropped"
        if not mended.damaged and not torn and not self._lacks_runs():
            return RepairReport(self.path, len(lines))
        with replacing(self.path, durable=True) as fresh:
            rebuilt = self._write(fresh, mended)
            backup = self._backup()
        command = self.known.attrs.get("command")
        return RepairReport(
            self.path, len(lines), mended.damaged, len(torn), rebuilt, backup, command
        )

    def _lacks_runs(self) -> bool:
        if not self.runs or not self.path.exists():
            return bool(self.runs)
        study = _study_in(open_storage(str(self.path), read_only=True), self.known)
        return study is None or max(self.runs) >= len(study.get_trials(deepcopy=False))

    def _study(self, gap: Gap | None) -> Log:
        """The log that creates the study, of which `gap` is what is left."""
        text = gap.text if gap else b""
        name = value_in(text, "study_name") or self.known.name
        directions = value_in(text, "directions") or [DIRECTIONS[d] for d in self.known.directions]
        if not name or not directions:
            raise JournalError(
                f"the name and direction of the study in {self.path} cannot be read any more; give "
                "them: repair PATH --study-name NAME --direction maximize"
            )
        return {
            "op_code": int(Op.CREATE_STUDY),
            "worker_id": WORKER,
            "study_name": name,
            "directions": directions,
        }

    def _write(self, fresh: Path, mended: Mended) -> Rebuilt:
        """Put all logs into a new file, and what run folders add; the file must be readable."""
        logs = mended.logs or [self._study(None)]
        _give_slots(logs)
        lines = (json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        fresh.write_text("".join(lines), encoding="utf-8")
        if self.path.exists():
            shutil.copymode(self.path, fresh)
        try:
            storage = open_storage(str(fresh), create=False)
            study = _study_in(storage, self.known)
            assert study is not None
            return rebuild(study, storage, self.runs, self.known)
        except Exception as error:
            raise JournalError(
                f"{self.path} cannot be repaired: what is left of it does not make a study "
                f"({type(error).__name__}: {error}); it was not changed"
            ) from error

    def _backup(self) -> Path | None:
        """Keep the file as it was, if there was anything in it."""
        if not self.path.exists() or not self.path.stat().st_size:
            return None
        backup = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        while backup.exists():
            backup = backup.with_name(backup.name + "x")
        shutil.copy2(self.path, backup)
        return backup


def _give_slots(logs: Sequence[Log]) -> None:
    """Give trials that were created again their unit of the budget: one that is missing."""
    creations = [log for log in logs if log["op_code"] == Op.CREATE_TRIAL]
    attrs = [log["user_attrs"] for log in creations if isinstance(log.get("user_attrs"), dict)]
    used = {found["slot"] for found in attrs if isinstance(found.get("slot"), int)}
    free = (slot for slot in range(max(used, default=0)) if slot not in used)
    for found in attrs:
        if REPAIRED in found and "slot" not in found:
            found |= {"slot": slot} if (slot := next(free, None)) is not None else {}


def _study_in(storage: BaseStorage, known: KnownStudy) -> optuna.Study | None:
    """The study of this name, else the first one."""
    names = [study.study_name for study in storage.get_all_studies()]
    name = known.name if known.name in names else next(iter(names), None)
    return None if name is None else optuna.load_study(study_name=name, storage=storage)
