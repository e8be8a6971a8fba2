"""Studies inside the test's process: a function of the test is the task, no worker is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra._internal.callbacks
import optuna
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from zmodel.study.storage.opening import open_storage

APPS = Path(__file__).parent / "apps"
CONF = Path(__file__).parents[2] / "conf"


def swept(conf: Path, name: str, command: list[str], task: Callable[[DictConfig], Any]) -> int:
    """The exit code of a sweep, by the sweeper that Hydra makes of the configuration."""
    with initialize_config_dir(str(conf)):
        loader = GlobalHydra.instance().config_loader()
        config = loader.load_configuration(name, command, RunMode.MULTIRUN)
        context = HydraContext(loader, hydra._internal.callbacks.Callbacks())
        sweeper = Plugins.instance().instantiate_sweeper(
            hydra_context=context, task_function=task, config=config
        )
        try:
            sweeper.sweep(list(config.hydra.overrides.task))
        except SystemExit as end:
            return int(end.code or 0)
    return 0


class Inline:
    """A study in a folder of its own; ``run`` starts, continues or joins it."""

    def __init__(self, out: Path, monkeypatch: Any, name: str = "quick") -> None:
        monkeypatch.setenv("ZMODEL_CONF", str(CONF))
        self.out = out
        self.name = name
        self.folder = out / "studies" / name
        self._monkeypatch = monkeypatch

    def named(self, name: str) -> Inline:
        """Another study beside this one."""
        return Inline(self.out, self._monkeypatch, name)

    def run(
        self, *overrides: str, task: Callable[[DictConfig], Any] = lambda cfg: cfg.x, conf=APPS
    ) -> int:
        """The exit code of ``quick.py -m`` with these overrides, if it ran `task`."""
        own = [f"out={self.out}", f"study_name={self.name}", "hydra.sweeper.n_jobs=0"]
        return swept(conf, "quick", [*own, *overrides], task)

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.study.trials

    @property
    def study(self) -> optuna.Study:
        storage = open_storage(str(self.folder / "study.journal"), read_only=True)
        return optuna.load_study(study_name=self.name, storage=storage)
