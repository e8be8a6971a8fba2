"""Optuna's journal file, hardened.

Same format, other ways of writing, reading and failing.

Plain Optuna and its dashboard read the file, and may write to it: whoever appends does so in one
piece at the end of the file. What differs from Optuna's JournalFileBackend:

- the lock is a flock on the journal itself: nothing is left behind by kill -9, and a leftover
  lock of plain Optuna is of no interest;
- a line without its end (power cut, full disk) is removed before the next one is appended;
- an append that fails leaves the file as it was;
- a journal that was deleted or replaced is noticed instead of being started anew;
- damage is reported with file, line numbers and remedy.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from zmodel.study.journal.append import append_or_undo, last_line_end, make_durably
from zmodel.study.journal.lines import Log, could_be_torn, is_log, parse
from zmodel.study.storage.errors import StorageError, refused
from zmodel.study.storage.file_lock import acquire, make_folder, release

CHUNK = 1 << 20  # bytes parsed at once


class JournalError(StorageError):
    """The journal cannot be read or written; the message says why and what to do."""


class JournalFile(BaseJournalBackend):
    """Journal backend over the file `path`.

    Args:
        create: make the file and its folder when missing; else JournalError.
        read_only: never make or write anything; an append is a JournalError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = True,
        read_only: bool = False,
    ) -> None:
        self.path = os.path.abspath(path)
        self._read_only = read_only
        if create and not read_only:
            self._make()
        self._open()

    def _make(self) -> None:
        path = Path(self.path)
        make_folder(path.parent)
        try:
            make_durably(path)
        except OSError as error:
            raise refused(self.path, error) from error

    def _open(self) -> None:
        # Kept open: for fast reads, and because an inode that is open cannot be given to another
        # file, so that a journal that was deleted and created again is told from ours.
        self._file = open_existing(self.path, os.O_RDONLY)
        self._number, self._offset, self._last = 0, 0, b""

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_read_only": self._read_only}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # bound early: at the end of a program that still holds a study, `os` may be gone before
        if hasattr(self, "_file"):
            close(self._file)

    # -- reading -------------------------------------------------------------------------------

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        """Logs from this number on (0-based). A torn line at the end is not yet a log."""
        self._require_same(self._file)
        end = os.fstat(self._file).st_size
        if log_number_from < self._number:
            self._number, self._offset, self._last = 0, 0, b""
        self._require_continuation(end)
        rest = b""
        for start in range(self._offset, end, CHUNK):
            block = rest + self._bytes(min(CHUNK, end - start), start)
            lines = block.split(b"\n")
            rest = lines.pop()
            for line, log in zip(lines, self._parse(lines), strict=True):
                self._number += 1
                self._offset += len(line) + 1
                self._last = line
                if self._number > log_number_from:
                    yield log
        if not could_be_torn(rest):
            raise JournalError(_damaged(self.path, [self._number + 1]))

    def _bytes(self, length: int, start: int) -> bytes:
        try:
            return os.pread(self._file, length, start)
        except OSError as error:
            raise refused(self.path, error) from error

    def _parse(self, lines: list[bytes]) -> list[Log]:
        # One call for all lines is much faster than one each, and shares the keys' strings.
        try:
            logs: list[Log] = json.loads(b"[" + b",".join(lines) + b"]")
        except (ValueError, RecursionError):
            logs = []
        if len(logs) == len(lines) and all(map(is_log, logs)):
            return logs
        return list(self._parse_one_by_one(lines))

    def _parse_one_by_one(self, lines: list[bytes]) -> Iterator[Log]:
        logs = [parse(line) for line in lines]
        bad = [self._number + 1 + i for i, log in enumerate(logs) if log is None]
        if bad:
            raise JournalError(_damaged(self.path, bad))
        yield from (log for log in logs if log is not None)

    def _require_continuation(self, end: int) -> None:
        """What was read must still be there: a write that failed elsewhere may have been undone."""
        start = self._offset - len(self._last) - 1
        if self._number and (
            end < self._offset or self._bytes(len(self._last) + 1, start) != self._last + b"\n"
        ):
            raise JournalError(
                f"the journal {self.path} must only grow, but what was read from it before has "
                "changed; start this process again to read it again"
            )

    def inapplicable(self, error: Exception) -> JournalError:
        """What to raise when Optuna fails at the log that it was given last."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return JournalError(f"{_damaged(self.path, [self._number])} ({reason})")

    # -- writing -------------------------------------------------------------------------------

    def append_logs(self, logs: list[Log]) -> None:
        """Append all logs or, if that fails, none: then JournalError. Durable on return."""
        if self._read_only:
            raise JournalError(f"the journal {self.path} was opened for reading only")
        data = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._locked() as file:
            try:
                self._require_same(file)
                append_or_undo(file, data, self._remove_torn_line(file))
            except OSError as error:
                raise JournalError(
                    f"the journal {self.path} must be writable, but appending {len(data)} bytes "
                    f"failed: {error.strerror}. Nothing was written; fix this (free space, repair "
                    "the disk) and give the same command again"
                ) from error
            if os.fstat(file).st_nlink == 0:
                self._require_same(file)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = open_existing(self.path, os.O_RDWR | os.O_APPEND)
        try:
            acquire(file, self.path)
        except BaseException:
            os.close(file)
            raise
        try:
            yield file
        finally:
            release(file)

    def _require_same(self, file: int) -> None:
        """`file`, the path, and what was opened at first must be one and the same file."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            raise JournalError(_deleted(self.path)) from None
        if not os.path.samestat(found, os.fstat(file)) or not os.path.samestat(
            found, os.fstat(self._file)
        ):
            raise JournalError(
                f"the journal {self.path} must stay the same file, but another one has been put in "
                "its place (by a repair, or deleted and created again); start this process again"
            )

    def _remove_torn_line(self, file: int) -> int:
        """Cut the file after its last complete line; its size then."""
        size = os.fstat(file).st_size
        whole, torn = last_line_end(file, size)
        if not torn:
            return size
        if not could_be_torn(torn):
            raise JournalError(f"{self.path} is not a journal: it ends with {torn[:40]!r}")
        # Plain Optuna does not know our lock: leave its writer, if any, the time to end.
        if os.path.lexists(self.path + ".lock"):
            time.sleep(0.05)
            if os.fstat(file).st_size != size:
                return self._remove_torn_line(file)
        os.ftruncate(file, whole)
        return whole


def open_existing(path: str, flags: int) -> int:
    """A descriptor; JournalError when there is no such file or the system refuses."""
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        raise JournalError(_deleted(path)) from None
    except OSError as error:
        raise refused(path, error) from error


def _deleted(path: str) -> str:
    return (
        f"the journal {path} must exist, but there is no such file. If it was deleted or moved "
        "while the study ran, put it back: it holds all results"
    )


def _damaged(path: str, lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:20])) + (", ..." if len(lines) > 20 else "")
    return (
        f"the journal {path} is damaged: nothing that Optuna can apply on "
        f"line{'s'[: len(lines) - 1]} {shown}. Repair it (a backup is kept) with: "
        f"python -m zmodel.study repair {shlex.quote(path)}"
    )
