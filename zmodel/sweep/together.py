"""Several trials in one worker, in turns: each runs until it meets the others.

A trial is a coroutine (greenlet) of this thread. Where it comes to something that can be computed
for many trials at once, it calls :meth:`Together.meet`; when all have come there or have ended,
the worker computes the piece for all and lets each go on. Between two meetings a trial has the
process to itself, so what it runs need not know of the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from greenlet import getcurrent, greenlet
from hydra.core.hydra_config import HydraConfig

from zmodel.trial import Partner


class Together:
    """The trials that wait for each other; its length is their number."""

    def __init__(self) -> None:
        self._waiting: list[tuple[greenlet, Partner]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self, attempt: Callable[[], None]) -> None:
        """Run ``attempt`` to its first meeting or its end; what it raises is raised here."""
        self._resume(greenlet(attempt))

    def advance(self) -> None:
        """Compute what the waiting trials have brought and let each run to its next meeting."""
        partners = [partner for _, partner in self._waiting]
        partners[0].advance(partners)
        for _ in partners:
            self._resume(self._waiting.pop(0)[0])

    def close(self, error: Exception) -> None:
        """End the trials that still wait by raising ``error`` in them."""
        while self._waiting:
            with suppress(Exception):
                self._resume(self._waiting.pop()[0], error)

    def meet(self, partner: Partner) -> None:
        """Called inside an attempt: see :class:`zmodel.trial.RunningTrial`."""
        with surroundings_kept():
            getcurrent().parent.switch(partner)

    def _resume(self, turn: greenlet, error: Exception | None = None) -> None:
        with surroundings_kept():
            partner = turn.switch() if error is None else turn.throw(error)
        if not turn.dead:
            self._waiting.append((turn, partner))


@contextmanager
def surroundings_kept() -> Iterator[None]:
    """Afterwards Hydra's configuration and the log files are those of before."""
    hydra, root = HydraConfig.instance(), logging.getLogger()
    cfg, handlers, level = hydra.cfg, root.handlers, root.level
    root.handlers = list(handlers)  # logging.config empties the list of whoever is configured
    try:
        yield
    finally:
        hydra.cfg, root.handlers = cfg, handlers
        root.setLevel(level)
