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
from statistics import median
from typing import TextIO

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import is_foreign, is_put_back
from zmodel.study.budget.slots import Slots
from zmodel.study.budget.tally import Tally
from zmodel.study.constraints import is_feasible
from zmodel.study.storage.errors import StorageError
from zmodel.study.storage.outage import StorageUnavailable
from zmodel.study.trial_attributes import attr

PLAIN_SECONDS = 30.0
"""Without a terminal: least seconds between two lines in which nothing finished."""
REFRESH_SECONDS = 1.0
BAR = 24
MOST_WORKERS = 16
"""So many running trials are listed."""
DEPTH = "model.z_layers"
OVERDUE = 10
"""Times the median duration: a trial that takes longer is told of once."""
LEAST_DURATIONS = 3


def clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Progress:
    """Redraws at each update; a finished trial also leaves a line of its own."""

    def __init__(self, tally: Tally, maximise: bool, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._tty = self._out.isatty()
        self._maximise = maximise
        self._begun = time.monotonic()
        self._used_before = tally.used
        self._reported: set[int] | None = None
        self._last_line = -PLAIN_SECONDS
        self._drawn = 0
        """Lines on the terminal that the next update replaces."""
        self._overdue: set[int] = set()
        """Trials that were said to take long."""

    def update(self, tally: Tally, trials: Sequence[FrozenTrial], workers: str) -> None:
        """Show the state of the study; ``workers`` says what works on it."""
        finished = [t for t in trials if t.state.is_finished()]
        seen = self._reported
        news = [] if seen is None else [t for t in finished if t.number not in seen]
        self._reported = {t.number for t in finished}
        best = self._best(trials)
        running = [worker_line(t) for t in trials if t.state == TrialState.RUNNING]
        self._erase()
        for trial in news:
            self._write(describe(trial, is_best=trial is best))
        for trial, times in overdue(trials, datetime.now()):
            if trial.number not in self._overdue:
                self._overdue.add(trial.number)
                self._write(
                    f"trial {trial.number} takes {times:.0f} times as long as the median trial; "
                    "hydra.sweeper.trial_timeout ends such trials"
                )
        summary = self._summary(tally, best, workers)
        if self._tty:
            lines = [*summary, *running[:MOST_WORKERS]]
            width = shutil.get_terminal_size().columns
            self._out.write("".join(f"{line[: width - 1]}\n" for line in lines))
            self._drawn = len(lines)
            self._out.flush()
        elif time.monotonic() - self._last_line >= PLAIN_SECONDS:
            self._write("; ".join([*summary, *running[:MOST_WORKERS]]))

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._drawn = 0

    def _erase(self) -> None:
        if self._tty and self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _write(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()
        self._last_line = time.monotonic()

    def _best(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        own = (t for t in trials if t.state == TrialState.COMPLETE and not is_foreign(t))
        complete = [t for t in own if len(t.values) == 1 and is_feasible(t.constraints)]
        sign = 1 if self._maximise else -1
        return max(complete, key=lambda t: sign * t.values[0], default=None)

    def _summary(self, tally: Tally, best: FrozenTrial | None, workers: str) -> list[str]:
        """The budget and the time; the best so far."""
        filled = int(BAR * tally.used)
        done, total = tally.epochs or (tally.finished, tally.total)
        unit = " epochs" if tally.epochs else ""
        parts = [
            f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{total}{unit}",
            f"running {tally.running}",
        ]
        parts += [f"paused {tally.paused}"] if tally.paused else []
        parts += [f"completed {tally.finished - tally.failed}"] if tally.epochs else []
        parts += [f"failed {tally.failed}"] if tally.failed else []
        parts += [f"pruned {tally.pruned}"] if tally.pruned else []
        elapsed = time.monotonic() - self._begun
        parts.append(clock(elapsed))
        used = tally.used - self._used_before
        if used > 0 and not tally.is_complete:
            parts.append(f"~{clock(elapsed / used * (1 - tally.used))} left")
        lines = ["  ".join([*parts, workers])]
        if best is not None:
            depth = f" z_layers={best.params[DEPTH]}" if DEPTH in best.params else ""
            lines.append(f"  best {best.values[0]:.4f}{depth} (trial {best.number})")
        return lines


@contextmanager
def watched(slots: Slots, maximise: bool, workers: str) -> Iterator[None]:
    """Show the progress from a thread while the block waits for something else."""
    own = replace(slots)  # a ledger of its own: the thread must not share one
    progress = Progress(own.tally(), maximise)
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


def overdue(trials: Sequence[FrozenTrial], now: datetime) -> Iterator[tuple[FrozenTrial, float]]:
    """Running trials that have taken `OVERDUE` times the median of the completed, or longer, with
    how many times; not those of other programs, which no setting of ours ends."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    durations = [t.duration.total_seconds() for t in complete if t.duration is not None]
    if len(durations) < LEAST_DURATIONS:
        return
    typical = max(median(durations), PLAIN_SECONDS / OVERDUE)
    for trial in trials:
        if trial.state == TrialState.RUNNING and trial.datetime_start and not is_foreign(trial):
            times = (now - trial.datetime_start).total_seconds() / typical
            if times >= OVERDUE:
                yield trial, times


def worker_line(trial: FrozenTrial) -> str:
    """What one worker is doing: its trial, depth, epoch and latest metric."""
    depth = f" z_layers={trial.params[DEPTH]}" if DEPTH in trial.params else ""
    curve = trial.intermediate_values
    if not curve:
        return f"  trial {trial.number}{depth}: starting"
    epoch = max(curve)
    return f"  trial {trial.number}{depth}: epoch {epoch + 1}, {curve[epoch]:.4f}"


def describe(trial: FrozenTrial, is_best: bool) -> str:
    """A finished trial in one line."""
    values = " ".join(f"{v:.4f}" for v in trial.values or [])
    params = " ".join(f"{name.rsplit('.', 1)[-1]}={_short(v)}" for name, v in trial.params.items())
    reason, again = attr(trial, "fail_reason"), trial.user_attrs.get("interrupted")
    state = "put back" if is_put_back(trial) else trial.state.name.lower()
    parts = [f"trial {trial.number:>3} {state}", values, params]
    if "epochs" in trial.user_attrs:
        parts.append(f"{trial.user_attrs['epochs']} epochs")
    if forced := attr(trial, "forced"):
        names = (name.rsplit(".", 1)[-1] for name in forced)
        parts.append(f"(forced: {', '.join(names)})")
    if trial.state == TrialState.FAIL:
        parts.append(_first_sentence(str(reason or again)))
    if broken := [name for name, value in trial.constraints.items() if value > 0]:
        parts.append(f"(infeasible: {', '.join(broken)})")
    if is_foreign(trial):
        parts.append("(of another program)")
    if is_best:
        parts.append("<- best so far")
    return "  ".join(part for part in parts if part)


def _first_sentence(text: str, longest: int = 200) -> str:
    sentence = text.partition(". ")[0]
    return sentence if len(sentence) <= longest else f"{sentence[:longest]}..."


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
