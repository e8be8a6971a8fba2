"""Faults that hit a study at random: in its processes, files, disk and database."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from killing.commands import Command, living, send
from killing.slow_epochs import training
from killing.small_disk import SmallDisk
from tests.support.servers import Postgres

LONGEST_STOP = 40.0
LONGEST_FULL = 5.0
LONGEST_DOWN = 15.0


class Faults:
    """Strikes the study in `folder` and the commands that work on it.

    Attributes:
        done: how often each fault was done.
        inside: how often it hit a worker in the middle of its training.
    """

    def __init__(
        self,
        folder: Path,
        commands: list[Command],
        disk: SmallDisk | None,
        dice: random.Random,
        server: Postgres | None = None,
    ) -> None:
        self._folder = folder
        self._commands = commands
        self._disk = disk
        self._dice = dice
        self._server = server
        self.is_database_down = False
        self.done: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.hit = ""
        """What the last one hit."""
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._kinds: dict[str, tuple[int, Callable[[], bool | None]]] = {
            "SIGKILL of a worker": (24, self._kill_worker),
            "SIGSTOP of a worker, up to 40 s": (16, self._stop_worker),
            "SIGTERM of a worker": (4, self._end_worker),
            "last.ckpt cut, its worker killed": (8, self._cut_checkpoint),
            "SIGKILL of a controller": (3, self._kill_controller),
            "SIGSTOP of a controller, up to 40 s": (4, self._stop_controller),
            "SIGTERM of a controller": (2, self._end_controller),
            "SIGKILL of a fork server": (2, self._kill_fork_server),
            "study.lock deleted": (10, self._delete_lock),
            "a worker's lease deleted": (6, self._delete_lease),
        }
        if server is None:
            self._kinds["lock of plain Optuna left on the journal"] = (4, self._leave_journal_lock)
        else:
            self._kinds["the database killed, up to 15 s"] = (4, self._kill_database)
        if disk is not None:
            self._kinds["disk full, up to 5 s"] = (3, self._fill)

    def strike(self) -> str:
        """Do one fault; says which, and what it hit."""
        weights = [weight for weight, _ in self._kinds.values()]
        name = self._dice.choices(list(self._kinds), weights)[0]
        self.hit = ""
        hit_inside = self._kinds[name][1]()
        if hit_inside is not None:
            self.done[name] += 1
            self.inside[name] += hit_inside
        return f"{name}: {self.hit if hit_inside is not None else 'nothing there'}"

    def heal(self, *, everything: bool = False) -> None:
        """Undo what has lasted long enough: wake what was stopped, free the disk."""
        now = time.monotonic()
        due = [entry for entry in self._due if everything or entry[0] <= now]
        self._due = [entry for entry in self._due if entry not in due]
        for _, undo in due:
            undo()

    def _later(self, longest: float, undo: Callable[[], object]) -> None:
        self._due.append((time.monotonic() + self._dice.uniform(0.1, 1) * longest, undo))

    # -- workers; each answers whether it hit one inside training, None: there was none

    def _workers(self) -> list[int]:
        """Living workers: they write a log that is named after their process."""
        sessions = [session for command in self._commands for session in command.sessions]
        mine = {pid for pid, session in living() if session in sessions}
        logs = (self._folder / "workers").glob("*.log")
        return sorted(pid for log in logs if (pid := int(log.stem)) in mine)

    def _signal_worker(self, signum: signal.Signals) -> tuple[int, bool] | None:
        workers = self._workers()
        if not workers:
            return None
        pid = self._dice.choice(workers)
        run = training(self._folder / "trials").get(pid)
        self.hit = f"{pid}, trial {run.name}" if run else f"{pid}"
        return (pid, run is not None) if send(pid, signum) else None

    def _kill_worker(self) -> bool | None:
        hit = self._signal_worker(signal.SIGKILL)
        return hit and hit[1]

    def _end_worker(self) -> bool | None:
        hit = self._signal_worker(signal.SIGTERM)
        return hit and hit[1]

    def _stop_worker(self) -> bool | None:
        hit = self._signal_worker(signal.SIGSTOP)
        if hit is None:
            return None
        self._later(LONGEST_STOP, lambda: send(hit[0], signal.SIGCONT))
        return hit[1]

    def _cut_checkpoint(self) -> bool | None:
        """The next attempt finds a checkpoint that cannot be read."""
        workers = self._workers()
        for pid, folder in training(self._folder / "trials").items():
            checkpoint = folder / "checkpoints" / "last.ckpt"
            if pid in workers and checkpoint.exists() and send(pid, signal.SIGKILL):
                self.hit = f"{pid}, trial {folder.name}"
                os.truncate(checkpoint, self._dice.randrange(checkpoint.stat().st_size))
                return True
        return None

    # -- commands

    def _controller(self, signum: signal.Signals) -> Command | None:
        running = [command for command in self._commands if command.ended() is None]
        command = self._dice.choice(running) if running else None
        if command is not None:
            self.hit = f"{command.output.stem}, {command.pid}"
            send(command.pid, signum)
        return command

    def _kill_controller(self) -> bool | None:
        return self._any_training(self._controller(signal.SIGKILL))

    def _end_controller(self) -> bool | None:
        return self._any_training(self._controller(signal.SIGTERM))

    def _stop_controller(self) -> bool | None:
        command = self._controller(signal.SIGSTOP)
        if command is None:
            return None
        pid = command.pid
        self._later(LONGEST_STOP, lambda: send(pid, signal.SIGCONT))
        return self._any_training(command)

    def _kill_fork_server(self) -> bool | None:
        """Of one command; its workers live on."""
        workers = self._workers()
        for command in self._dice.sample(self._commands, len(self._commands)):
            for pid in command.processes():
                if pid not in workers and _has_children(pid) and pid != command.pid:
                    self.hit = f"{command.output.stem}, {pid}"
                    send(pid, signal.SIGKILL)
                    return self._any_training(command)
        return None

    def _any_training(self, command: Command | None) -> bool | None:
        if command is None:
            return None
        return not training(self._folder / "trials").keys().isdisjoint(command.processes())

    # -- files

    def _delete_lock(self) -> bool | None:
        return self._delete(self._folder / "study.lock")

    def _delete_lease(self) -> bool | None:
        leases = sorted((self._folder / "workers").glob("*.lease"))
        return self._delete(self._dice.choice(leases)) if leases else None

    def _leave_journal_lock(self) -> bool | None:
        """As plain Optuna leaves it when it is killed; the next time it is removed."""
        lock = self._folder / "study.journal.lock"
        if lock.is_symlink():
            lock.unlink()
        elif self._folder.exists():
            with suppress(OSError):
                lock.symlink_to(self._folder / "study.journal")
        return bool(training(self._folder / "trials"))

    def _delete(self, path: Path) -> bool | None:
        self.hit = path.name
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        return bool(training(self._folder / "trials"))

    def _kill_database(self) -> bool | None:
        if self.is_database_down:
            return None
        assert self._server is not None
        self._server.stop()
        self.is_database_down = True
        self._later(LONGEST_DOWN, self._start_database)
        return bool(training(self._folder / "trials"))

    def _start_database(self) -> None:
        assert self._server is not None
        self._server.start()
        self.is_database_down = False

    def _fill(self) -> bool | None:
        assert self._disk is not None
        self._disk.fill()
        self._later(LONGEST_FULL, self._disk.free)
        return bool(training(self._folder / "trials"))


def _has_children(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except OSError:
        return False
