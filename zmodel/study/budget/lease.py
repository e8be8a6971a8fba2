"""Which workers work on a study, and whether they are alive.

A worker holds a locked file for as long as it lives: the kernel frees the lock with the process,
also after ``kill -9``, so a dead one is seen at once and pids are never confused. That is certain
only where observer and worker have the same kernel and see the same files. Elsewhere, and whenever
it is in doubt, the heartbeat decides, a number that the worker counts up in each of its trials:
a worker is dead when the number has not changed for a while on the observer's own clock, so clocks
need not agree.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zmodel.study.storage.errors import NoFlock, refused
from zmodel.study.storage.file_lock import acquire, make_folder, release

SILENT_AFTER = 120.0
"""Seconds without a heartbeat after which a worker counts as dead."""
UNKNOWN = "unknown"


def this_machine() -> str:
    """Names the machine, its boot, and which files a process sees.

    No part is enough alone: cloned machines have one name and id, and containers one kernel.
    """
    parts = (
        socket.gethostname(),
        _read("/etc/machine-id"),
        _read("/proc/sys/kernel/random/boot_id"),
        _file_view(),
    )
    return "/".join(parts)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip() or UNKNOWN
    except OSError:
        return UNKNOWN


def _file_view() -> str:
    """The mount namespace: two containers of one machine may have different files at one path."""
    try:
        return os.readlink("/proc/self/ns/mnt")
    except OSError:
        return UNKNOWN


class Lease:
    """Held by a worker, or by the command that looks after workers, for its life.

    ``record`` goes into every trial a worker takes. A file system without flock gives a lease
    without a lock, for which the heartbeat alone speaks.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.path = (folder / f"{self.id}.lease").resolve()
        self._pid = os.getpid()
        self._handle: int | None = self._make()
        path = "" if self._handle is None else str(self.path)
        self.record = {"worker": self.id, "machine": this_machine(), "path": path}

    def _make(self) -> int | None:
        unlocked = self.path.with_suffix(".new")
        try:
            handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise refused(unlocked, error) from error
        try:
            acquire(handle, str(self.path))
        except NoFlock:
            os.close(handle)
            unlocked.unlink()
            return None
        unlocked.rename(self.path)  # nobody ever sees a lease of a living worker unlocked
        return handle

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """After an error the file stays, unlocked: a trial that is left behind is known as dead."""
        self.release(keep=kind is not None)

    def release(self, *, keep: bool = False) -> None:
        """The worker ends; in good order its file goes too. Nothing happens in a fork of it."""
        if os.getpid() == self._pid and self._handle is not None:
            if not keep:
                self.path.unlink(missing_ok=True)
            release(self._handle)
            self._handle = None


def remove_dead(folder: Path) -> None:
    """Remove the leases that killed workers left behind; only once their trials are reaped."""
    for path in folder.glob("*.lease"):
        if _is_locked(path) is False:
            path.unlink(missing_ok=True)


def others_at_work(folder: Path, mine: Lease | None = None) -> Iterator[Path]:
    """The leases in the folder, but for one's own, whose holders may be alive."""
    own = mine and mine.path.name
    others = (path for path in folder.glob("*.lease") if path.name != own)
    return (path for path in others if _is_locked(path) is not False)


class Observer:
    """Tells the living from the dead, from one observing process."""

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[Any, float]] = {}
        self._machine = this_machine()

    def is_alive(self, record: dict[str, str], trial: int, heartbeat: Any) -> bool:
        """Whether the worker that wrote ``record`` lives.

        Args:
            trial: number of the trial that it runs; the count begins anew with every trial.
            heartbeat: its latest count in that trial, ``None`` before the first.
        """
        if record["path"] and record["machine"] == self._machine:
            locked = _is_locked(Path(record["path"]))
            if locked is not None:
                return locked
        return not self.is_silent((record["worker"], trial), heartbeat)

    def is_silent(self, name: Any, sign: Any) -> bool:
        """Whether this sign of life has not changed for as long as we watch, and long enough."""
        last = self._seen.get(name)
        if last is None or last[0] != sign:
            self._seen[name] = (sign, time.monotonic())
            return False
        return time.monotonic() - last[1] >= SILENT_AFTER


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds this lease; None when it cannot be told, as of a file that is gone."""
    try:
        # the path comes from a storage: never open what only looks like a lease, such as a pipe
        if path.suffix != ".lease" or (path.exists() and not path.is_file()):
            return False
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return None
