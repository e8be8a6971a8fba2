"""One run of the final stage as a Hydra job.

It is the configuration of a trial with another seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from zmodel.cli.overrides_of_trial import key_of, without
from zmodel.deployed.own_module import imported
from zmodel.run.checks import check_test_data, check_test_step
from zmodel.sweep.space.override_text import value_text
from zmodel.sweep.workers.job import Job

OWN_KEYS = ("hparams_search", "study", "trial", "final")
"""Overrides that speak to the final stage, not to its runs."""
STRETCHED = ("trainer.max_epochs", "callbacks.early_stopping.patience")
NOT_FOR_RUNS = ("hydra/sweeper", "hydra.sweeper", "hydra/launcher", "hydra.launcher")


def user_overrides(overrides: Iterable[str]) -> list[str]:
    """Those that are for the runs."""
    return [o for o in overrides if key_of(o).partition(".")[0] not in OWN_KEYS]


@dataclass
class FinalJob(Job):
    """Expands the searched name `trial` to the overrides of that trial of the study.

    Args:
        study: name of the study.
        overrides: of each trial that may be asked for.
        forced: overrides that every run has, whatever the user says.
        values: set after composition, as far as the configuration has the key's parent.
        stretch: how many times the trial's epochs, and patience, a run may take.
        folds: whether runs are cross-validated where the study's were.
        label: what trackers call the runs, before their numbers, or the seeds of tests.
        directions: of the study; which way a metric is better may stand nowhere else.
    """

    comparable: ClassVar[bool] = False

    study: str = ""
    overrides: dict[int, tuple[str, ...]] = field(default_factory=dict)
    forced: tuple[str, ...] = ("test=false",)
    values: dict[str, Any] = field(default_factory=dict)
    stretch: int = 1
    folds: bool = True
    label: str = "final"
    directions: tuple[str, ...] = ()

    def compose(
        self,
        overrides: Sequence[str],
        number: int,
        folder: Path,
        changes: dict[str, Any],
        subdir: str | None = None,
    ) -> DictConfig:
        """The configuration of one run; `overrides` name its `trial` and `seed`."""
        expanded = self.expanded(overrides)
        config = self._composed_alone(expanded)
        plain = Job(self.hydra_context, self.task_function, config, self.quiet)
        cfg = plain.compose(expanded, number, folder, changes, subdir or f"trials/{number}")
        with read_write(cfg), open_dict(cfg):
            if not self.folds and OmegaConf.select(cfg, "data.folds") is not None:
                cfg.data.folds = None  # what is tested and exported is one network
            for key in STRETCHED:
                value = OmegaConf.select(cfg, key)
                if value is not None and value > 0:  # -1 epochs: without a limit
                    OmegaConf.update(cfg, key, value * self.stretch)
            for key, value in self.values.items():
                parent = key.rpartition(".")[0]
                if not parent or OmegaConf.select(cfg, parent) is not None:
                    OmegaConf.update(cfg, key, value)
            cfg.hydra.sweeper.direction = list(self.directions)
            if "run_name" in cfg:
                cfg.run_name = f"{self.label}-{number}"  # trackers tell it from a trial's
        return cfg

    def expanded(self, overrides: Sequence[str]) -> list[str]:
        """Those of the trial first, then the user's, then the forced ones: the last one counts."""
        trial = int([o for o in overrides if o.startswith("trial=")][-1].partition("=")[2])
        named = (f"from_study={value_text(self.study)}", f"trial={trial}")
        later = [*user_overrides(overrides), *named, *self.forced]
        return [*without(self.overrides[trial], later), *later]

    def _composed_alone(self, expanded: list[str]) -> DictConfig:
        """A sweep's configuration for this run alone.

        Hydra refuses a job whose sweeper is set up otherwise than in the sweep it belongs to, and
        a trial brings the `hparams_search` of its study along.
        """
        hydra = [o for o in self.config.hydra.overrides.hydra if not o.startswith(NOT_FOR_RUNS)]
        return self.hydra_context.config_loader.load_configuration(
            config_name=self.config.hydra.job.config_name,
            overrides=[*hydra, *expanded],
            run_mode=RunMode.MULTIRUN,
        )

    def trains_on_all(self, trial: int, arguments: Sequence[str]) -> bool:
        """Whether the data of a trial can be trained on without a validation part.

        Args:
            arguments: the user's own, which every run of the trial has.
        """
        config = self._composed_alone(self.expanded([*arguments, f"trial={trial}"]))
        return OmegaConf.select(config, "data.train_on_all") is not None

    def check_test(self, trial: int, arguments: Sequence[str], metric: str) -> None:
        """ValueError for a module or data without a test: found before anything is trained."""
        config = self._composed_alone(self.expanded([*arguments, f"trial={trial}"]))
        targets = (OmegaConf.select(config, f"{key}._target_") for key in ("model", "data"))
        model, data = (imported(target) if target else None for target in targets)
        if isinstance(model, type):
            check_test_step(model, [metric], "The final stage")
        if isinstance(data, type):
            check_test_data(data, "The final stage")

    def retraining(self, epochs: int) -> FinalJob:
        """The same runs on training and validation samples together, for so many epochs.

        What was trained on cannot tell which epoch is best: the last weights count.
        """
        return replace(
            self,
            stretch=1,
            folds=False,
            label="retrained",
            forced=(*self.forced, "data.train_on_all=true", f"trainer.max_epochs={epochs}"),
            values={
                "callbacks.checkpoint._target_": "zmodel.callbacks.last_weights.LastWeights",
                "callbacks.early_stopping.patience": 10**9,
            },
        )

    def testing(self, checkpoint: Path, predictions: Path) -> FinalJob:
        """One evaluation of a checkpoint on the test set, on one device."""
        return replace(
            self,
            folds=False,
            label="test-seed",
            values={
                "train": False,
                "test": True,
                "ckpt_path": str(checkpoint),
                "trainer.devices": 1,
                "trainer.num_nodes": 1,
                "trainer.strategy": "auto",
                "callbacks.predictions": {
                    "_target_": "zmodel.callbacks.save_predictions.SavePredictions",
                    "path": str(predictions),
                },
            },
        )
