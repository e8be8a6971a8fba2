"""One run from seed to ``result.json``.

Seed, build, fit, test the best weights once, write.
"""

from __future__ import annotations

import logging
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from pytorch_lightning.callbacks import Callback

from zmodel.callbacks import BestAndLast
from zmodel.callbacks.monitor import logged
from zmodel.callbacks.resumed_callbacks import ResumedCallbacks
from zmodel.callbacks.stop_on_request import StopOnRequest
from zmodel.core.objective import metric_names, settle_monitors, values_of
from zmodel.run.build import build, build_callbacks, build_data, build_trainer
from zmodel.run.checks import (
    check_module,
    check_options,
    check_shares,
    check_test_data,
    check_test_step,
    check_validation,
)
from zmodel.run.declared_metrics import declared_metrics
from zmodel.run.distributed import join, own_group
from zmodel.run.fit_and_test import fit, test
from zmodel.run.folds import Fold, cross_validate, settle_folds
from zmodel.run.hyperparameters import log_hyperparameters
from zmodel.run.read_checkpoint import check_checkpoint
from zmodel.run.result import describe, write_result

TEST = "test=true, the default,"


def run(cfg: DictConfig) -> float | tuple[float, ...] | None:
    """Do what the configuration says; return its ``optimized_metric`` (a tuple for a list).

    Writes ``result.json`` and the files of callbacks and loggers into ``cfg.paths.output_dir``.

    Raises:
        ValueError: a value of the configuration cannot work, or a metric is not logged.
        Interrupted: a signal ended the fit early; ``last.ckpt`` is written.
        Paused: the running trial pauses; ``last.ckpt`` is written.
    """
    started = time.monotonic()
    for group in ("callbacks", "logger"):
        if not cfg.get(group):  # null, [] or absent: none
            with open_dict(cfg):
                cfg[group] = {}
    check_options(cfg)
    apply_extras(cfg)
    data = settle_folds(cfg)
    with own_group() as trainers:
        split = partial(run_split, trainers)
        is_whole = cfg.data.get("folds") is None
        result = split(cfg, data=data) if is_whole else cross_validate(cfg, split)
    result["seconds"] = round(time.monotonic() - started, 3)
    write_result(result, Path(cfg.paths.output_dir, "result.json"))
    return values_of(cfg, result)


def run_split(
    trainers: list[pl.Trainer],
    cfg: DictConfig,
    fold: Fold | None = None,
    data: pl.LightningDataModule | None = None,
) -> dict[str, Any]:
    """Fit and test as configured, on one split of the data; the content of ``result.json``.

    The trainer joins ``trainers``, those of the same group of processes. ``data`` are used if
    they exist already.
    """
    check_checkpoint(cfg)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    which: dict[str, Any] = {} if fold is None else {"fold": fold.number}
    data = data or build_data(cfg, **which)
    model: pl.LightningModule = build(cfg, "model")
    check_module(model)
    if cfg.test:
        check_test_step(model, metric_names(cfg.optimized_metric), TEST)
        check_test_data(data, TEST)
    # further folds log what the first one does
    known = declared_metrics(cfg, model) if which.get("fold", 0) == 0 else None
    settle_monitors(cfg, known, study_direction())
    check_validation(cfg, batches_of(cfg, data))
    trainer, keeper = make_trainer(cfg, fold)
    join(trainer, trainers)
    if hasattr(data, "content_hash") and (cfg.test or cfg.trainer.fast_dev_run):
        data.setup("test")  # a test part that is not sound is found before anything is spent
    check_shares(cfg.trainer, evaluated(cfg, data))
    metrics: dict[str, float] = {}
    if cfg.train:
        fit(trainer, model, data, cfg, keeper)
        # a run that was finished before it was resumed logs nothing any more
        metrics.update(logged(trainer) or (keeper.metrics if keeper else {}))
    if cfg.test:
        test(trainer, model, data, cfg)
        metrics.update(logged(trainer))
    result = describe(cfg, trainer, model, keeper, metrics)
    log_hyperparameters(cfg, trainer, result)
    return result


def make_trainer(cfg: DictConfig, fold: Fold | None) -> tuple[pl.Trainer, BestAndLast | None]:
    """The trainer with all its callbacks, and the one that keeps the best weights."""
    configured = build_callbacks(cfg)
    callbacks: list[Callback] = list(configured.values())
    keeper = next((c for c in callbacks if isinstance(c, BestAndLast)), None)
    if fold is not None:
        callbacks.append(fold)
        if keeper is not None:
            fold.keeper, keeper.last_path = keeper, fold.last_path
    callbacks.append(StopOnRequest(keeper.last_path if keeper else None))
    if cfg.train and cfg.ckpt_path:
        settings = ((c, list(cfg.callbacks[key])) for key, c in configured.items())
        callbacks.append(ResumedCallbacks(settings))
    return build_trainer(cfg, callbacks), keeper


def study_direction() -> Any:
    """``hydra.sweeper.direction``, inside a study."""
    if not HydraConfig.initialized():
        return None
    sweeper: Any = HydraConfig.get().sweeper
    return sweeper.get("direction")


def batches_of(cfg: DictConfig, data: pl.LightningDataModule) -> int | None:
    """Of a training epoch of one process, where the data tell without a trainer."""
    if not hasattr(data, "content_hash") or cfg.trainer.get("devices") != 1:
        return None
    return len(data.train_dataloader())


def evaluated(cfg: DictConfig, data: pl.LightningDataModule) -> dict[str, int]:
    """Batches of the parts that the run evaluates, where the data tell without a trainer."""
    if not hasattr(data, "content_hash") or cfg.trainer.get("overfit_batches"):
        return {}
    parts = {"val": data.val_dataloader} if cfg.train else {}
    parts |= {"test": data.test_dataloader} if cfg.test else {}
    return {part: len(loader()) for part, loader in parts.items()}


def apply_extras(cfg: DictConfig) -> None:
    """What surrounds a run: warnings, tags, threads, the printed configuration."""
    if cfg.extras.ignore_warnings:
        warnings.filterwarnings("ignore")
    if cfg.extras.get("threads") is not None:
        torch.set_num_threads(cfg.extras.threads)
    if cfg.extras.print_config:
        print(
            OmegaConf.to_yaml(
                OmegaConf.masked_copy(cfg, [str(k) for k in cfg if k != "hydra"]), resolve=True
            )
        )
    # quiet, whatever the order in which libraries are imported
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*LeafSpec.*")
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*GPU available but not used.*")
    warnings.filterwarnings(
        "ignore", ".*The number of training batches.*is smaller than the logging"
    )
