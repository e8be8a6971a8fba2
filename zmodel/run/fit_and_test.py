"""Fits the network, and tests its best weights once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
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
        Paused: the running trial pauses here.
        ValueError: Lightning refuses the combination of settings.
    """
    stop.listen()
    with settings_refused():
        trainer.fit(model, datamodule=data, ckpt_path=cfg.ckpt_path, weights_only=True)
    if keeper is not None and keeper.best_weights is not None:
        model.load_state_dict(keeper.best_weights)


def test(
    trainer: pl.Trainer, model: pl.LightningModule, data: pl.LightningDataModule, cfg: DictConfig
) -> None:
    """Evaluate on the test set: after a fit the weights in the model, else ``ckpt_path``.

    Raises:
        ValueError: Lightning refuses: the data have no test part, say.
    """
    path = None if cfg.train else cfg.ckpt_path
    with settings_refused():
        trainer.test(model, datamodule=data, ckpt_path=path, verbose=False, weights_only=True)


@contextmanager
def settings_refused() -> Iterator[None]:
    """Lightning's refusal of a module, or of settings, becomes a ``ValueError``."""
    try:
        yield
    except MisconfigurationException as error:
        raise ValueError(f"trainer, model and callbacks do not fit together: {error}") from error
