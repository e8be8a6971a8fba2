"""The Hydra sweeper: ``hydra/sweeper=zmodel``.

Hydra imports this file at every start of ``train.py``: nothing heavy here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class StudySweeper(Sweeper):
    """Runs an Optuna study with workers that pull trials.

    Configuration keys of the stock Optuna sweeper keep their names and meaning: ``sampler``,
    ``direction``, ``storage``, ``study_name``, ``n_trials`` (the total over all starts), ``n_jobs``
    (workers; null: ``workers_per_gpu`` for each GPU, else one per core; 0: in this process, for a
    debugger),
    ``max_failure_rate``, ``custom_search_space``, ``params``.

    Further: ``workers_per_gpu`` (when ``n_jobs`` is null), ``pruner`` (null: every trial runs until its own early stopping), ``coverage``
    (floors), ``policy`` (which values the slots after the floors are forced to), ``seed``,
    ``max_attempts`` (of a trial whose workers die), ``on_change`` (refuse or continue when the
    study was started with another setting), ``enqueue`` (list of parameter sets to try first),
    ``from_study`` (its best trials are tried first), ``history`` (most finished trials that the
    sampler learns from), ``preflight`` (overrides of short runs at the ends of the space, which
    must work before the first trial) and ``preload`` (modules to import once for all workers).

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
        from zmodel.sweep.begin import begin
        from zmodel.sweep.job import Job

        assert self.config is not None and self.hydra_context is not None
        job = Job(self.hydra_context, self.task_function, self.config)
        settings = {key: plain(value) for key, value in self.settings.items()}
        # links are followed once, here: a study does not move when one is turned elsewhere
        folder = Path(str(self.config.hydra.sweep.dir)).resolve()
        code = begin(settings, arguments, folder, job)
        if code:
            raise SystemExit(code)


def plain(value: Any) -> Any:
    """Resolved Python data of a configuration node."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
