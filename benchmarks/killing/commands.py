"""Commands that work on a study: their processes, and how they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Command:
    """A command on the study; after it has ended it can be started again.

    Args:
        output: a file that gets what all its starts print.
    """

    def __init__(self, arguments: list[str], output: Path, env: dict[str, str]) -> None:
        self._arguments = arguments
        self.output = output
        self._env = os.environ | env
        self._process: subprocess.Popen[bytes] | None = None
        self.sessions: list[int] = []
        self.codes: Counter[int] = Counter()
        self._counted = True

    def start(self) -> None:
        with self.output.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments], cwd=ROOT, env=self._env,
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.sessions.append(self._process.pid)
        self._counted = False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code; None while it runs. Each end is counted once."""
        assert self._process is not None
        code = self._process.poll()
        if code is not None and not self._counted:
            self.codes[code] += 1
            self._counted = True
        return code

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None when it still runs after so many seconds."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode

    def processes(self) -> list[int]:
        """All living processes of all its starts: controllers, fork servers, workers."""
        return [pid for pid, session in living() if session in self.sessions]

    def end(self, seconds: float = 60) -> None:
        """Stop it as a user would; by force when that takes too long."""
        if self.ended() is None:
            send(self.pid, signal.SIGTERM)
            self.wait(seconds)
        for pid in self.processes():
            send(pid, signal.SIGKILL)
        self.wait(seconds)
        self.ended()


def living() -> Iterator[tuple[int, int]]:
    """Processes of this machine that have not ended, each with its session."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, *_, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if state not in "ZX":
                    yield int(entry.name), int(session)


def send(pid: int, signum: signal.Signals) -> bool:
    """Whether there was such a process."""
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def until_none_lives(commands: list[Command], seconds: float) -> list[int]:
    """Wait for the processes of the commands; those that still live after so long."""
    end = time.monotonic() + seconds
    while (found := [p for c in commands for p in c.processes()]) and time.monotonic() < end:
        time.sleep(0.2)
    return found
