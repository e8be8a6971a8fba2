"""Ends computations that take too long.

No diagnostic may keep a report waiting for minutes.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
AGAIN = 1.0
"""Seconds after which work that caught the interruption is interrupted again."""


class TimeUp(Exception):
    """The work was ended: it took longer than it may."""


def within(seconds: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns for the arguments, if it does within `seconds` of wall time; else TimeUp.

    The work is interrupted between two Python instructions, in any thread. One long call into C
    is waited for, and ended after it. Limits nest: each ends its own work.
    """

    class Interruption(BaseException):
        """Of this work alone; no Exception, so that work which catches those is ended too."""

    watch = _Watch(Interruption)
    try:
        try:
            watch.start(seconds)
            return work(*args, **kwargs)
        finally:
            watch.end()
    except Interruption:
        watch.end()  # it may have been the first end that was interrupted
        raise TimeUp(f"it took longer than {seconds:g} s") from None


class _Watch:
    """Raises `interruption` in the thread that made it, from `start` to `end`.

    Any line of that thread may be the one that is interrupted, those of `end` too. So there is no
    lock that could stay taken, and `end` can be called again.
    """

    def __init__(self, interruption: type[BaseException]) -> None:
        self._interruption = interruption
        self._caller = threading.get_ident()
        self._gate = threading.Lock()
        self._gate.acquire()
        self._is_over = True

    def start(self, seconds: float) -> None:
        threading.Thread(target=self._wait, args=(seconds,), daemon=True).start()

    def _wait(self, seconds: float) -> None:
        self._is_over = False
        while not self._gate.acquire(timeout=seconds):
            # by the documented C interface; Python has no other way into a running thread
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._caller), ctypes.py_object(self._interruption)
            )
            seconds = AGAIN
        self._is_over = True

    def end(self) -> None:
        """Nothing is raised any more after this returned."""
        with suppress(RuntimeError):  # released before
            self._gate.release()
        while not self._is_over:
            sleep(0.001)  # what was raised at the last moment interrupts this
        sleep(0)
