"""One run: seed, build, fit, test the best weights once, write ``result.json``."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.seed import isolate_rng

from zmodel.callbacks import BestAndLast
from zmodel.core.allow_list import allowed_targets
from zmodel.core.atomic_file import write
from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.moved import translated
from zmodel.core.objective import values_of, watch_objective
from zmodel.core.provenance import git_state, versions
from zmodel.core.running_trial import running_trial
from zmodel.run.checks import check_options
from zmodel.run.distributed import join, own_group
from zmodel.run.folds import Fold, cross_validate

log = logging.getLogger(__name__)


def run(cfg: DictConfig) -> float | tuple[float, ...] | None:
    """Do what the configuration says; return its ``optimized_metric`` (a tuple for a list).

    Writes ``result.json`` and the files of callbacks and loggers into ``cfg.paths.output_dir``.

    Raises:
        ValueError: a value of the configuration cannot work, or a metric is not logged.
        Interrupted: a signal ended the fit early; ``last.ckpt`` is written.
    """
    started = time.monotonic()
    check_options(cfg)
    apply_extras(cfg)
    folds = cfg.data.get("folds") is not None
    with own_group() as trainers:
        split = partial(run_split, trainers)
        result = cross_validate(cfg, split) if folds else split(cfg)
    result["seconds"] = round(time.monotonic() - started, 3)
    write_result(result, Path(cfg.paths.output_dir, "result.json"))
    return values_of(cfg, result)


def run_split(
    trainers: list[pl.Trainer], cfg: DictConfig, fold: Fold | None = None
) -> dict[str, Any]:
    """Fit and test as configured, on one split of the data; the content of ``result.json``.

    The trainer joins ``trainers``, those of the same group of processes.
    """
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    which: dict[str, Any] = {} if fold is None else {"fold": fold.number}
    data: pl.LightningDataModule = build(cfg.data, **which)
    model: pl.LightningModule = build(cfg.model)
    declared = getattr(model, "METRICS", None)
    if declared is None and which.get("fold", 0) == 0:  # further folds log the same
        declared = logged_metrics(cfg)
    watch_objective(cfg, declared)
    callbacks = [build(c) for c in cfg.callbacks.values() if c]
    loggers = [build(c) for c in cfg.logger.values() if c]
    if not cfg.trainer.enable_progress_bar:
        callbacks = [c for c in callbacks if not isinstance(c, pl.callbacks.ProgressBar)]
    keeper = next((c for c in callbacks if isinstance(c, BestAndLast)), None)
    if fold is not None:
        callbacks.append(fold)
        if keeper is not None:
            keeper.last_path = fold.last_path
    # without a checkpoint callback Lightning would add its own
    checkpoints = any(isinstance(c, pl.callbacks.Checkpoint) for c in callbacks)
    trainer: pl.Trainer = build(
        cfg.trainer,
        callbacks=callbacks,
        logger=loggers or False,
        enable_checkpointing=checkpoints,
    )
    join(trainer, trainers)
    if hasattr(data, "content_hash") and (cfg.test or cfg.trainer.fast_dev_run):
        data.setup("test")  # a test part that is not sound is found before anything is spent
    metrics: dict[str, float] = {}
    if cfg.train:
        fit(trainer, model, data, cfg, keeper)
        metrics.update(scalars(trainer))
    if cfg.test:
        test(trainer, model, data, cfg)
        metrics.update(scalars(trainer))
    result = describe(cfg, trainer, model, keeper, metrics)
    if trainer.is_global_zero:
        log_hyperparameters(cfg, trainer, result)
    return result


def build(node: DictConfig, **arguments: Any) -> Any:
    """The object that a node of the configuration describes.

    Resolved first: ``instantiate`` copies all parents of a node with interpolations, which for
    the nine nodes of a run cost more than building its objects.
    """
    plain = translated(OmegaConf.to_container(node, resolve=True))
    allowed = allowed_targets()
    try:
        return instantiate(plain, _convert_="all", _execution_whitelist_=allowed, **arguments)
    except MissingMandatoryValue as error:
        key = min(OmegaConf.missing_keys(node))
        raise ValueError(f"{key} must be given, got nothing. Add {key}=VALUE.") from error
    except (TypeError, MisconfigurationException) as error:
        key = node._get_full_key(None)
        reason = str(error).splitlines()[0]
        raise ValueError(f"{key} cannot be made of its values: {reason}. Mend {key}.") from error


def logged_metrics(cfg: DictConfig) -> list[str] | None:
    """What a module logs that does not declare it: one batch of a copy of it tells.

    Otherwise a misspelled metric would come out at the end of the first epoch, which may take an
    hour. ``None`` where that is no help: in a study, whose workers have rehearsed; without
    training; and with several processes.
    """
    trial = running_trial()
    if trial is not None or not cfg.train or cfg.trainer.fast_dev_run or cfg.trainer.devices != 1:
        return None
    with isolate_rng():
        trainer: pl.Trainer = build(
            cfg.trainer,
            callbacks=[],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            fast_dev_run=True,
        )
        trainer.fit(build(cfg.model), datamodule=build(cfg.data))
    return sorted(scalars(trainer))


def apply_extras(cfg: DictConfig) -> None:
    """What surrounds a run: warnings, tags, threads, the printed configuration."""
    if cfg.extras.ignore_warnings:
        warnings.filterwarnings("ignore")
    if cfg.extras.threads is not None:
        torch.set_num_threads(cfg.extras.threads)
    if cfg.extras.print_config:
        print(OmegaConf.to_yaml(cfg, resolve=True))
    # quiet, whatever the order in which libraries are imported
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*LeafSpec.*")
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*GPU available but not used.*")
    warnings.filterwarnings(
        "ignore", ".*The number of training batches.*is smaller than the logging"
    )


def fit(
    trainer: pl.Trainer,
    model: pl.LightningModule,
    data: pl.LightningDataModule,
    cfg: DictConfig,
    keeper: BestAndLast | None,
) -> None:
    """Train, then leave the best weights in the model.

    Raises:
        Interrupted: asked to stop before the run came to its own end.
    """
    stop.listen()
    with tensors_only(cfg.ckpt_path):
        trainer.fit(model, datamodule=data, ckpt_path=cfg.ckpt_path, weights_only=True)
    natural_end = trainer.current_epoch >= (trainer.max_epochs or 0) or stopped_early(trainer)
    if stop.signum is not None and not natural_end:
        raise Interrupted(stop.signum, str(keeper.last_path) if keeper else None)
    if keeper is not None and keeper.best_weights is not None:
        model.load_state_dict(keeper.best_weights)


def test(
    trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule, cfg: DictConfig
) -> None:
    """Evaluate on the test set: after a fit the weights in the model, else ``ckpt_path``."""
    path = None if cfg.train else cfg.ckpt_path
    with tensors_only(path):
        trainer.test(model, datamodule=data, ckpt_path=path, verbose=False, weights_only=True)


@contextmanager
def tensors_only(path: str | None) -> Iterator[None]:
    """Says what a checkpoint must be when torch refuses to unpickle one that could run code."""
    try:
        yield
    except UnpicklingError as error:
        raise ValueError(
            f"ckpt_path must be a checkpoint of tensors and plain values, got {path}, which holds "
            f"more or is damaged. Objects are never unpickled: they could run any code. Name a "
            "checkpoint that this program wrote."
        ) from error


def scalars(trainer: pl.Trainer) -> dict[str, float]:
    """The last logged metrics."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def stopped_early(trainer: pl.Trainer) -> bool:
    callback = trainer.early_stopping_callback
    return callback is not None and callback.stopped_epoch > 0


def describe(
    cfg: DictConfig,
    trainer: pl.Trainer,
    model: pl.LightningModule,
    keeper: BestAndLast | None,
    metrics: dict[str, float],
) -> dict[str, Any]:
    """The content of ``result.json``; its keys are part of the contract (docs)."""
    network = getattr(model, "net", None) or model
    result = {
        "metrics": metrics,
        "best_epoch": keeper.best_epoch if keeper else None,
        "epochs": trainer.current_epoch,
        "max_epochs": trainer.max_epochs,
        "stopped_early": stopped_early(trainer),
        "seconds": None,  # known when all is done
        "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "checkpoint": str(keeper.best_path) if keeper and cfg.train else cfg.ckpt_path,
        "git": git_state(),
        "seed": cfg.seed,
        "versions": versions(),
    }
    data = trainer.datamodule  # type: ignore[attr-defined]
    if hasattr(data, "content_hash"):
        result["data_hash"] = data.content_hash()
    confusion = getattr(keeper, "confusion", None)
    if confusion is not None:
        classes = [str(c) for c in data.class_names]
        result["confusion_matrix"] = {"split": "val", "classes": classes, "counts": confusion}
    return result


@rank_zero_only
def write_result(result: dict[str, Any], path: Path) -> None:
    """One line per key; a reader never sees half a file."""
    lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items())
    write(path, "{\n" + ",\n".join(lines) + "\n}\n", durable=True)


def log_hyperparameters(cfg: DictConfig, trainer: pl.Trainer, result: dict[str, Any]) -> None:
    """Hyperparameters with their final metrics, for TensorBoard's HParams tab and the like."""
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    groups = ("model", "data", "trainer", "seed", "tags", "task_name")
    params = {k: without_plumbing(resolved[k]) for k in groups}
    params["parameters"] = result["parameters"]
    for logger in trainer.loggers:
        if isinstance(logger, pl.loggers.TensorBoardLogger):
            # under names of their own: the curves get no stray last point
            final = {f"final/{name}": value for name, value in result["metrics"].items()}
            logger.log_hyperparams(params, final, step=trainer.global_step)
        else:
            logger.log_hyperparams(params)
        logger.finalize("success")


def without_plumbing(node: Any) -> Any:
    """A configuration without class paths and folders: what is left are hyperparameters."""
    if not isinstance(node, dict):
        return node
    own = {k: v for k, v in node.items() if not k.startswith("_") and not k.endswith("_dir")}
    return {key: without_plumbing(value) for key, value in own.items()}
