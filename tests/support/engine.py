"""Runs the quick task of tests/support/apps as a user would, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.ledger import Ledger
from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parents[2]
APP = ROOT / "tests" / "support" / "apps" / "quick.py"


@dataclass
class Engine:
    """One study folder and the command that works on it."""

    out: Path
    name: str = "quick"
    storage: str | None = None
    """Another storage than the study's own journal."""

    @property
    def folder(self) -> Path:
        return self.out / "studies" / self.name

    def start(self, *overrides: str, conf: Path = ROOT / "conf") -> subprocess.Popen[str]:
        command = [sys.executable, str(APP), "-m", f"out={self.out}", f"study_name={self.name}"]
        if self.storage:
            command.append(f"hydra.sweeper.storage='{self.storage}'")
        return subprocess.Popen(
            [*command, *overrides],
            env={**os.environ, "ZMODEL_CONF": str(conf)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *overrides: str, code: int = 0, timeout: float = 120) -> str:
        """Run to the end; its output. The exit code must be ``code``."""
        process = self.start(*overrides)
        output, _ = process.communicate(timeout=timeout)
        assert process.returncode == code, output
        return output

    def study(self) -> optuna.Study:
        storage = open_storage(self.storage or str(self.folder / "study.journal"), read_only=True)
        return optuna.load_study(study_name=self.name, storage=storage)

    def trials(self) -> list[FrozenTrial]:
        return self.study().trials

    def outcomes(self, max_attempts: int = 3) -> list[FrozenTrial]:
        """The latest attempt at each slot; none may be without an outcome."""
        ledger = Ledger(max_attempts).read(self.trials())
        assert not ledger.open and not ledger.retries
        return sorted(ledger.settled, key=lambda t: t.user_attrs["slot"])

    def wait(self, condition: Callable[[list[FrozenTrial]], bool], timeout: float = 60) -> None:
        """Until the trials of the study fulfil the condition."""
        end, last = time.monotonic() + timeout, None
        while time.monotonic() < end:
            try:
                if condition(self.trials()):
                    return
            except (ValueError, KeyError) as error:
                last = error  # not created yet
            time.sleep(0.05)
        raise AssertionError(f"the study did not come that far in time; last error: {last}")


def finished(trials: list[FrozenTrial]) -> int:
    return sum(t.state == TrialState.COMPLETE for t in trials)
