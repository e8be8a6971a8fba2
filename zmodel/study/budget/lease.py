"""Who is working on a trial, and whether that worker is still alive.

On one machine a worker holds a locked file for as long as it lives: the kernel frees the lock
with the process, also after ``kill -9``, so a dead worker is seen at once and pids are never
confused. From another machine only the heartbeat is visible, a number that the worker counts up;
an observer declares a worker dead when that number has not changed for a while on the observer's
own clock, so clocks need not agree.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

SILENT_AFTER = 120.0
"""Seconds without a heartbeat after which a worker of another machine counts as dead."""


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else "unknown"


def this_machine() -> str:
    """Names the machine and its boot: after a reboot every earlier worker is dead."""
    return f"{socket.gethostname()}/{_boot_id()}"


class Lease:
    """Held by a worker for its life. ``record`` goes into every trial it takes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.path = (folder / f"{self.id}.lease").resolve()
        unlocked = self.path.with_suffix(".new")
        self._file = unlocked.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        unlocked.rename(self.path)  # nobody ever sees a lease of a living worker unlocked
        self.record = {"worker": self.id, "machine": this_machine(), "path": str(self.path)}

    def release(self) -> None:
        """The worker ends in good order; its file goes with it."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def remove_dead(folder: Path) -> None:
    """Remove the leases that killed workers left behind; only once their trials are reaped."""
    for path in folder.glob("*.lease"):
        if not _is_locked(path):
            path.unlink(missing_ok=True)


class Observer:
    """Tells the living from the dead, from one observing process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, float]] = {}
        self._machine = this_machine()

    def is_alive(self, record: dict[str, str], heartbeat: Any) -> bool:
        """Whether the worker that wrote ``record`` lives; ``heartbeat`` is its latest count."""
        host, _, boot = record["machine"].rpartition("/")
        my_host, my_boot = self._machine.rsplit("/", 1)
        if record["machine"] == self._machine:
            return _is_locked(Path(record["path"]))
        if host == my_host and boot != my_boot:
            return False
        worker = record["worker"]
        last = self._seen.get(worker)
        if last is None or last[0] != heartbeat:
            self._seen[worker] = (heartbeat, time.monotonic())
            return True
        return time.monotonic() - last[1] < SILENT_AFTER


def _is_locked(path: Path) -> bool:
    # the path comes from a storage: never open what only looks like a lease, such as a pipe
    if path.suffix != ".lease" or not path.is_file():
        return False
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
