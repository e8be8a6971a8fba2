"""The two things a run does: it fits the network, and tests the best weights once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pickle import UnpicklingError

import pytorch_lightning as pl
from omegaconf import DictConfig

from zmodel.callbacks import BestAndLast
from zmodel.core.interrupt import stop


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
