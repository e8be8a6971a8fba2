"""K-fold cross-validation within one run.

It trains a network per fold, one after the other.

For data too small for one validation part: with ``data.folds=5`` every sample that is not for the
test is validated once. The run's metrics are means over the folds, its confusion matrix is their
sum, its epochs add up; the result of each fold is in ``folds`` of result.json, its files in the
folder ``folds/<i>``. To a study the run tells one value per fold, what is optimised over the folds
so far: a pruner compares trials after equally many folds.

What is best at some epoch is read off the mean curve of the folds, not averaged over the best
epochs of each: on a dozen validation samples nearly every configuration is right about all of them
after some epoch (docs/log.md).

The test set is loaded when all folds are trained. What is reported then is the mean test score of
the networks of the folds, each trained on (k-1)/k of the samples: an estimate for a network
trained in this way, not the score of one model that could be handed on. That one is made by
``hparams_search=final``, which trains the winner again on all samples.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, open_dict
from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_only

from zmodel.callbacks.checkpoint import BestAndLast, write_atomically
from zmodel.callbacks.monitor import logged
from zmodel.core.objective import PART, metric_names
from zmodel.core.run_value import value_of
from zmodel.core.running_trial import running_trial, withheld
from zmodel.run.build import build_data
from zmodel.run.merged_folds import COURSE, Course, Result, merged
from zmodel.run.read_checkpoint import read_checkpoint

log = logging.getLogger(__name__)


def settle_folds(cfg: DictConfig) -> LightningDataModule | None:
    """``data.folds=auto`` becomes the number that suits the size of the data, or null.

    Returns the data if they had to be loaded for that."""
    if cfg.data.get("folds") != "auto":
        return None
    data = build_data(cfg)
    folds = cast(Any, data).fitting_folds()
    log.info(f"data.folds=auto: {folds or 'no'} folds, by the number of samples")
    with open_dict(cfg):
        cfg.data.folds = folds
    return data


class Fold(Callback):
    """Puts the results of the folds before it into every checkpoint of this one."""

    def __init__(self, number: int, done: list[Result], last_path: Path) -> None:
        self.number, self.done, self.last_path = number, done, last_path
        self.keeper: BestAndLast | None = None
        self.curves: dict[str, dict[int, float]] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        for name, value in logged(trainer).items():
            part = PART.match(name)  # the others were logged in the epoch before
            if part is not None and part[1].startswith("val") and not name.endswith("_best"):
                self.curves.setdefault(name, {})[trainer.current_epoch] = value

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["folds"] = self.done

    def course(self) -> Course:
        """How the fit went: its curves, and by which of them the kept epoch was the best."""
        keeper = self.keeper
        kept_by = keeper and [keeper.monitor, keeper.mode, keeper.loss]
        return {"curves": self.curves, "kept_by": kept_by}

    def state_dict(self) -> dict[str, Any]:
        return {"curves": self.curves}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.curves = state_dict["curves"]


def cross_validate(cfg: DictConfig, run_split: Callable[[DictConfig, Fold], Result]) -> Result:
    """Train every fold by `run_split`, then test each; the result of them all.

    A run that was interrupted goes on from ``ckpt_path`` at the epoch of the fold it was in.

    Raises:
        ValueError: the test or ``ckpt_path`` cannot work with folds.
    """
    if not cfg.train:
        raise ValueError("data.folds needs train=true, got false. Set data.folds=null to test.")
    if cfg.test and not cfg.callbacks.get("checkpoint"):
        raise ValueError(
            "data.folds with test=true keeps the networks until the last fold is trained and "
            "needs callbacks.checkpoint, got none. Set test=false or callbacks=default."
        )
    folder, count = Path(cfg.paths.output_dir), int(cfg.data.folds)
    last_path = folder / "checkpoints" / "last.ckpt"
    done, resume = finished(cfg.ckpt_path)
    if (studied := running_trial()) is not None:
        studied.tell_folds(count)
    pruned = False
    while len(done) < count and not pruned:
        own = part(cfg, len(done), test=False, ckpt_path=resume)
        fold = Fold(len(done), done, last_path)
        with withheld() as trial:  # the epochs of a fold are not those of the trial
            done.append({**run_split(own, fold), COURSE: fold.course()})
        resume = None
        rank_zero_only(write_atomically)({"folds": done}, last_path)
        if trial is not None:
            value = value_of(objective(cfg, done), merged(done))
            assert value is not None
            trial.report(len(done) - 1, value)
            pruned = trial.pruned = trial.should_prune()
    if cfg.test and not pruned:
        for number, result in enumerate(done):
            own = part(cfg, number, train=False, ckpt_path=result["checkpoint"], logger={})
            tested = run_split(own, Fold(number, done, last_path))
            result["metrics"].update(tested["metrics"])
    return merged(done) | {"pruned": pruned}


def part(cfg: DictConfig, number: int, **changes: Any) -> DictConfig:
    """The configuration of one fold, with its own folder."""
    own = cfg.copy()
    with open_dict(own):
        own.update(changes)
        own.paths.output_dir = str(Path(cfg.paths.output_dir, "folds", str(number)))
    return own


def finished(ckpt_path: str | None) -> tuple[list[Result], str | None]:
    """Results of the folds before the one in a checkpoint, and where that one continues."""
    if ckpt_path is None:
        return [], None
    content = read_checkpoint(ckpt_path)
    if "folds" not in content:
        raise ValueError(
            f"ckpt_path must be the last.ckpt of a run with data.folds, got {ckpt_path}, which is "
            "of one without. Set data.folds=null or another ckpt_path."
        )
    return content["folds"], ckpt_path if "state_dict" in content else None


def objective(cfg: DictConfig, done: list[Result]) -> str:
    """The first optimised metric that is logged."""
    names = (*metric_names(cfg.optimized_metric), "val/acc", "val/loss")
    return next(name for name in names if value_of(name, done[0]) is not None)
