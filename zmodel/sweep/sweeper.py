"""The Hydra sweeper: ``hydra/sweeper=zmodel``.

Hydra imports this file at every start of every program: nothing heavy here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from zmodel.sweep.registration import register_configs

register_configs()


class CannotStart(CompactHydraException, ValueError):
    """A start that cannot work; Hydra prints the message alone, without a stack trace."""


class StudySweeper(Sweeper):
    """Runs an Optuna study with workers that pull trials.

    Every setting is described in conf/hydra/sweeper/zmodel.yaml. Those of the stock Optuna sweeper
    keep their names and meaning, but ``n_trials`` is the total over all starts.

    Raises:
        ValueError: for a setting that cannot work, before anything is written.
        SystemExit: with the contract's exit code when it is not 0.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        from zmodel.study.storage.address import redact
        from zmodel.sweep.start import start_study
        from zmodel.sweep.workers.job import Job

        assert self.config is not None and self.hydra_context is not None
        job = Job(self.hydra_context, self.task_function, self.config)
        settings = {key: plain(value) for key, value in self.settings.items()}
        # links are followed once, here: a study does not move when one is turned elsewhere
        folder = Path(str(self.config.hydra.sweep.dir)).resolve()
        try:
            code = start_study(settings, arguments, folder, job)
        except ValueError as error:
            raise CannotStart(redact(str(error))) from error
        if code:
            raise SystemExit(code)


def plain(value: Any) -> Any:
    """Resolved Python data of a configuration node."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
