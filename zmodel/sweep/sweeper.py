"""The Hydra sweeper: ``hydra/sweeper=zmodel``.

Hydra imports this file at every start of every program: nothing heavy here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hydra.errors import CompactHydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from zmodel.sweep.registration import register_configs

if TYPE_CHECKING:
    import optuna

register_configs()

ENDED = (0, 3, 130, 143)
"""Exit codes of a study that ran: in good order, beyond a limit, or until it was stopped."""


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

    latest: ClassVar[StudySweeper | None] = None
    """The one that this process has set up last: Hydra hands nothing back from a sweep."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        StudySweeper.latest = self

    def sweep(self, arguments: list[str]) -> None:
        from zmodel.study.storage.address import redact

        assert self.config is not None, "Hydra calls setup()"
        self.folder = folder_of(self.config)
        settings = {key: plain(value) for key, value in self.settings.items()}
        try:
            code = self.start(settings, arguments)
        except ValueError as error:
            raise CannotStart(redact(str(error))) from error
        if code:
            raise SystemExit(code)

    def start(self, settings: dict[str, Any], arguments: list[str]) -> int:
        """Run what this sweeper runs; the exit code of the contract."""
        from zmodel.sweep.closing import say_end
        from zmodel.sweep.start import start_study
        from zmodel.sweep.workers.job import Job

        assert self.config is not None and self.hydra_context is not None, "Hydra calls setup()"
        job = Job(self.hydra_context, self.task_function, self.config)
        code = start_study(settings, arguments, self.folder, job)
        if code in ENDED:
            say_end(self.study_name, self.address, self.folder, stopped=code > 128)
        return code

    @property
    def study_name(self) -> str:
        """What the study is called in its storage."""
        return str(self.settings["study_name"] or self.folder.name)

    @property
    def address(self) -> str:
        """Where the study is kept."""
        from zmodel.study.folder import JOURNAL

        return str(self.settings["storage"] or self.folder / JOURNAL)

    def study(self) -> optuna.Study:
        """The study that was run, opened."""
        import optuna

        from zmodel.study.storage.opening import open_storage

        storage = open_storage(self.address, create=False)
        return optuna.load_study(study_name=self.study_name, storage=storage)


def folder_of(config: DictConfig) -> Path:
    """Of the study. Links are followed once: it does not move when one is turned elsewhere."""
    return Path(str(config.hydra.sweep.dir)).resolve()


def plain(value: Any) -> Any:
    """Resolved Python data of a configuration node."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
