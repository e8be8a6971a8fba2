"""A program that knows nothing of zmodel, in the test's process: its task is a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import yaml
from inline import swept
from optuna.trial import FrozenTrial

from zmodel.study.records import StudyRecord, find_study
from zmodel.study.storage.opening import open_storage

CONFIG: dict[str, Any] = {"x": 0.5, "layers": 1, "epochs": 3}


class AnyProgram:
    """Hydra finds the sweeper as it does for any program; `folder` is its ``hydra.sweep.dir``."""

    def __init__(self, out: Path) -> None:
        self.conf = out / "conf"
        self.folder = out / "sweep"

    def run(
        self, *overrides: str, task: Callable[[Any], Any] = lambda cfg: cfg.x, config: Any = None
    ) -> int:
        """The exit code of ``app.py -m hydra/sweeper=zmodel`` with these overrides."""
        self.conf.mkdir(exist_ok=True)
        text = yaml.safe_dump(CONFIG if config is None else config)
        (self.conf / "app.yaml").write_text(text)
        command = ["hydra/sweeper=zmodel", "hydra.sweeper.n_jobs=0", "hydra.sweeper.n_trials=4"]
        command += [f"hydra.sweep.dir={self.folder}"]
        return swept(self.conf, "app", [*command, *overrides], task)

    @property
    def record(self) -> StudyRecord:
        return find_study(str(self.folder), self.folder.parent)

    @property
    def trials(self) -> list[FrozenTrial]:
        storage = open_storage(str(self.folder / "study.journal"), read_only=True)
        return optuna.load_study(study_name=self.record.name, storage=storage).trials
