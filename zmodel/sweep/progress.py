"""What a person sees while a study runs: one line, redrawn on a terminal, printed elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from optuna.trial import FrozenTrial, TrialState

from zmodel.study.slots import Tally

PLAIN_SECONDS = 30.0
"""Without a terminal: least seconds between two lines in which nothing finished."""
BAR = 24


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
        self._finished_before = tally.finished
        self._reported: set[int] | None = None
        self._last_line = 0.0

    def update(self, tally: Tally, trials: Sequence[FrozenTrial], workers: str) -> None:
        """Show the state of the study."""
        finished = [t for t in trials if t.state.is_finished()]
        news = [] if self._reported is None else [t for t in finished if t.number not in self._reported]
        self._reported = {t.number for t in finished}
        best = self._best(trials)
        for trial in news:
            self._print(describe(trial, tally, is_best=trial is best))
        line = self._line(tally, trials, best, workers)
        if self._tty:
            width = shutil.get_terminal_size().columns
            self._out.write("\r\x1b[2K" + line[: width - 1])
            self._out.flush()
        elif time.monotonic() - self._last_line > PLAIN_SECONDS:
            self._print(line)

    def close(self) -> None:
        if self._tty:
            self._out.write("\n")

    def _print(self, text: str) -> None:
        self._out.write(("\r\x1b[2K" if self._tty else "") + text + "\n")
        self._out.flush()
        self._last_line = time.monotonic()

    def _best(self, trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
        complete = [t for t in trials if t.state == TrialState.COMPLETE and len(t.values) == 1]
        key = (lambda t: t.values[0]) if self._maximise else (lambda t: -t.values[0])
        return max(complete, key=key, default=None)

    def _line(
        self, tally: Tally, trials: Sequence[FrozenTrial], best: FrozenTrial | None, workers: str
    ) -> str:
        filled = BAR * tally.finished // max(1, tally.total)
        parts = [
            f"[{'#' * filled}{'.' * (BAR - filled)}] {tally.finished}/{tally.total}",
            f"running {tally.running}",
        ]
        parts += [f"failed {tally.failed}"] if tally.failed else []
        parts += [f"pruned {tally.pruned}"] if tally.pruned else []
        if best is not None:
            depth = best.params.get("model.z_layers")
            layers = f" z_layers={depth}" if depth is not None else ""
            parts.append(f"best {best.values[0]:.4f}{layers} (trial {best.number})")
        elapsed = time.monotonic() - self._begun
        parts.append(clock(elapsed))
        done = tally.finished - self._finished_before
        if done and not tally.is_complete:
            parts.append(f"~{clock(elapsed / done * (tally.total - tally.finished))} left")
        return "  ".join([*parts, workers])


def describe(trial: FrozenTrial, tally: Tally, is_best: bool) -> str:
    """A finished trial in one line."""
    state = trial.state.name.lower()
    values = trial.values or []
    value = " ".join(f"{v:.4f}" for v in values)
    params = " ".join(f"{name.rsplit('.', 1)[-1]}={_short(v)}" for name, v in trial.params.items())
    epochs = trial.user_attrs.get("epochs")
    parts = [f"trial {trial.number:>3} {state}", value, params]
    parts += [f"{epochs} epochs"] if epochs else []
    if trial.state == TrialState.FAIL:
        reason = trial.user_attrs.get("fail_reason")
        interrupted = f"put back: {trial.user_attrs.get('interrupted')}"
        parts.append(str(reason or interrupted))
    if is_best:
        parts.append("<- best so far")
    return "  ".join(part for part in parts if part)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
