"""Progress of a study in the terminal.

Lines are redrawn on a terminal, plain ones elsewhere.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TextIO

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_foreign
from zmodel.study.budget.slots import Slots
from zmodel.study.budget.tally import Tally
from zmodel.study.constraints import Constraint, constraints_of, keeps
from zmodel.study.plain_text import in_lines
from zmodel.study.storage.errors import StorageError
from zmodel.study.storage.outage import StorageUnavailable
from zmodel.study.trial_attributes import is_replicate
from zmodel.sweep.launch.progress_lines import (
    Labels,
    best_line,
    budget_line,
    count_line,
    describe,
    overdue,
    overdue_line,
    worker_line,
)

PLAIN_SECONDS = 30.0
"""Without a terminal: least seconds between two lines in which nothing finished."""
REFRESH_SECONDS = 1.0
MOST_WORKERS = 16
"""So many running trials are listed."""
INDENT = 10
"""Of what does not fit into the first line about a trial."""


class Progress:
    """Redraws at each update; a finished trial also leaves a line of its own."""

    def __init__(
        self,
        tally: Tally,
        maximise: bool,
        labels: Labels = Labels(),  # noqa: B008 - frozen
        out: TextIO | None = None,
        *,
        constraints: Sequence[Constraint],
    ) -> None:
        self._out = out or sys.stdout
        self._tty = self._out.isatty()
        self._maximise = maximise
        self._labels = labels
        self._constraints = constraints
        self._begun = time.monotonic()
        self._used_before = tally.used
        self._reported: set[int] | None = None
        self._last_line = -PLAIN_SECONDS
        self._drawn = 0
        """Lines on the terminal that the next update replaces."""
        self._overdue: set[int] = set()
        """Trials that were said to take long."""
        self._notes: list[str] = []

    def note(self, text: str) -> None:
        """Say something about the study itself; also from a handler of signals.

        On a terminal at the next update: the lines that are drawn there must stay together.
        """
        if self._tty:
            self._notes.append(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def update(self, tally: Tally, trials: Sequence[FrozenTrial], workers: str) -> None:
        """Show the state of the study; ``workers`` says what works on it."""
        finished = [t for t in trials if t.state.is_finished()]
        seen = self._reported
        news = [] if seen is None else [t for t in finished if t.number not in seen]
        self._reported = {t.number for t in finished}
        best, now = self._best(trials), datetime.now()
        self._erase()
        self._write_notes()
        for trial in news:
            self._write(describe(trial, self._labels, is_best=trial is best))
        for trial, times in overdue(trials, now):
            if trial.number not in self._overdue:
                self._overdue.add(trial.number)
                self._write(overdue_line(trial, times))
        elapsed = time.monotonic() - self._begun
        lines = [
            budget_line(tally, elapsed, self._used_before, self._labels.noun),
            count_line(tally, workers),
        ]
        lines += [] if best is None else [best_line(best, self._labels)]
        running = [t for t in trials if t.state == TrialState.RUNNING]
        lines += [worker_line(t, self._labels, now) for t in running[:MOST_WORKERS]]
        if self._tty:
            self._draw(lines)
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._put("; ".join("  ".join(line) for line in lines))

    def close(self) -> None:
        """Leave the last state on the screen, and below it what no update has said."""
        self._drawn = 0
        self._write_notes()

    def _write_notes(self) -> None:
        while self._notes:
            self._write(self._notes.pop(0).split("  "))

    def _draw(self, lines: Sequence[Sequence[str]]) -> None:
        """What the next update can erase: no more lines than the terminal has."""
        columns, rows = shutil.get_terminal_size()
        shown = [text for line in lines for text in in_lines(line, columns - 1, 2)][: rows - 1]
        # a part that is longer than the terminal is wide would take two lines
        self._out.write("".join(f"{text[: columns - 1]}\n" for text in shown))
        self._drawn = len(shown)
        self._out.flush()

    def _erase(self) -> None:
        if self._tty and self._drawn:
            # from the first column: the terminal may have shown a ^C
            self._out.write(f"\r\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _write(self, parts: Sequence[str]) -> None:
        """On a terminal in lines that fit, elsewhere in one that a program can read."""
        width = shutil.get_terminal_size().columns - 1
        lines = in_lines(parts, width, INDENT) if self._tty else ["  ".join(parts)]
        self._put("\n".join(lines))

    def _put(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()
        self._last_line = time.monotonic()

    def _best(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        """None of the final stage, too: the best of its runs is luck, means are compared."""
        if self._labels.noun == "run":
            return None
        ended = (t for t in trials if t.state == TrialState.COMPLETE)
        own = (t for t in ended if not is_foreign(t) and not is_replicate(t))
        complete = [t for t in own if len(t.values) == 1 and keeps(t, self._constraints)]
        sign = 1 if self._maximise else -1
        return max(complete, key=lambda t: sign * t.values[0], default=None)


def progress_of(slots: Slots, maximise: bool) -> Progress:
    """Of a study, with the names that it gives its numbers."""
    attrs = slots.storage.get_study_user_attrs(slots.study_id)
    limits = constraints_of(attrs)
    return Progress(slots.tally(), maximise, Labels.of(attrs), constraints=limits)


@contextmanager
def watched(slots: Slots, maximise: bool, workers: str) -> Iterator[None]:
    """Show the progress from a thread while the block waits for something else."""
    own = replace(slots)  # a ledger of its own: the thread must not share one
    progress = progress_of(own, maximise)
    done = threading.Event()

    def watch() -> None:
        ended = False
        while not ended:
            ended = done.wait(REFRESH_SECONDS)
            try:
                progress.update(own.tally(), own.trials(), workers)
            except (StorageError, StorageUnavailable):
                return  # the block meets the same storage, and its error reaches the user

    thread = threading.Thread(target=watch, daemon=True)
    progress.update(own.tally(), own.trials(), workers)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        progress.close()
