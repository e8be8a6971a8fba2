"""Runs one trial as a Hydra job in its own folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

import zmodel.cli.resolvers  # noqa: F401 - of the configuration, also in workers
from zmodel.study.storage.address import redact
from zmodel.sweep.workers.composition import Composition

HERE = "."
"""As `subdir`: the folder itself."""


@dataclass
class Job:
    """Runs the user's task function; picklable, so that workers in other processes have it.

    Args:
        config: the configuration of the whole sweep.
        quiet: log to the run's file only, not to the console.
    """

    comparable: ClassVar[bool] = True
    """Whether trials differ in the searched parameters alone."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    quiet: bool = True
    _composition: Composition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._composition = Composition(self.hydra_context.config_loader, self.config)

    def compose(
        self,
        overrides: Sequence[str],
        number: int,
        folder: Path,
        changes: dict[str, Any],
        subdir: str | None = None,
    ) -> DictConfig:
        """The configuration of one trial, which runs in its ``hydra.run.dir``.

        Args:
            folder: of the study.
            changes: values set after composition.
            subdir: below the folder; ``None``: as the configuration says.
        """
        cfg = self._composition(list(overrides))
        with read_write(cfg), open_dict(cfg):
            cfg.hydra.job.id = f"{cfg.hydra.job.name}_{number}"
            cfg.hydra.job.num = number
            handlers = OmegaConf.select(cfg, "hydra.job_logging.root.handlers")
            if self.quiet and handlers is not None:
                cfg.hydra.job_logging.root.handlers = [h for h in handlers if h != "console"]
            for key, value in changes.items():
                OmegaConf.update(cfg, key, value)
            own = folder / (cfg.hydra.sweep.subdir if subdir is None else subdir)
            cfg.hydra.sweep.dir, cfg.hydra.sweep.subdir = str(own.parent), own.name
            cfg.hydra.run.dir = str(own)  # where further processes of this trial work
            # this configuration is saved with the run: no password in it
            if OmegaConf.select(cfg, "hydra.sweeper.storage"):
                cfg.hydra.sweeper.storage = redact(cfg.hydra.sweeper.storage)
            cfg.hydra.overrides.hydra = [redact(o) for o in cfg.hydra.overrides.hydra]
        return cfg

    @property
    def files_edited(self) -> bool:
        """Whether the configuration composed last may come of files edited since the start."""
        return self._composition.edited

    def run(self, cfg: DictConfig) -> JobReturn:
        """Run the task; its exceptions are in the return value, a BaseException passes through."""
        return run_job(
            hydra_context=self.hydra_context,
            task_function=self.task_function,
            config=cfg,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )

    def require_picklable(self) -> None:
        """ValueError when worker processes cannot have the task."""
        try:
            self.__getstate__()
        except Exception as error:
            raise ValueError(
                f"The task must be picklable for worker processes, got: {error}. Its function goes "
                "there with the global variables that it uses: make such an object inside the "
                "function, or import it from a module; or run one trial after the other in this "
                "process, hydra.sweeper.n_jobs=0."
            ) from error

    def __getstate__(self) -> bytes:
        state = (dict(self.__dict__), Singleton.get_state())
        return bytes(cloudpickle.dumps(state))  # task functions live in __main__: pickled by value

    def __setstate__(self, state: bytes) -> None:
        setup_globals()
        attributes, singletons = cloudpickle.load(io.BytesIO(state))
        Singleton.set_state(singletons)
        self.__dict__.update(attributes)
