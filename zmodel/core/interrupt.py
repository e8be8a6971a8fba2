"""Stops a run on a signal, after its running epoch.

The first SIGINT or SIGTERM only sets :data:`stop`; the checkpoint callback sees it at the end of
the epoch, writes ``last.ckpt`` and ends the fit. A second SIGINT interrupts at once.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupted(Exception):
    """A run ended before its time because a signal asked for it.

    Args:
        signum: the signal that asked (2 Ctrl-C, 15 SIGTERM).
        checkpoint: path from which the run can go on, if one was written.
    """

    def __init__(self, signum: int, checkpoint: str | None = None) -> None:
        self.signum = signum
        self.checkpoint = checkpoint
        super().__init__(f"stopped by {signal.Signals(signum).name}")

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM: the shell's convention."""
        return 128 + self.signum


class Paused(Exception):
    """A run ended where its trial pauses; ``last.ckpt`` is written, from which it goes on."""


class StopFlag:
    """Which signal, if any, has asked this process to stop."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self.sigint = True

    def request(self, signum: int) -> None:
        self.signum = signum

    def clear(self) -> None:
        self.signum = None

    def listen(self, sigint: bool | None = None) -> None:
        """Install the handlers; again after anything that replaced them (Lightning does).

        Args:
            sigint: whether Ctrl-C asks this process too; a worker leaves it to its controller.
                ``None`` keeps what was chosen before.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if sigint is not None:
            self.sigint = sigint
        signal.signal(signal.SIGINT, self._handle if self.sigint else signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._handle)

    def __reduce__(self) -> str:
        return "stop"  # a task pickled by value must meet the flag of its process, not a copy

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.signum = signum


stop = StopFlag()
"""The one flag of this process."""
