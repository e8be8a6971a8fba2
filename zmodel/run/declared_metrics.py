"""Finds which metrics a module logs before it is trained."""

from __future__ import annotations

from collections.abc import Collection

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.utilities.seed import isolate_rng

from zmodel.callbacks.monitor import logged
from zmodel.core.running_trial import running_trial
from zmodel.run.build import build, build_data
from zmodel.run.fit_and_test import settings_refused


def declared_metrics(cfg: DictConfig, model: pl.LightningModule) -> Collection[str] | None:
    """What a fit logs: as the module declares in ``METRICS``, else as one batch of a copy tells.

    Otherwise a misspelled metric would come out at the end of the first epoch, which may take an
    hour. ``None`` where one batch is no help: in a study, whose workers have rehearsed; without
    training; and with several processes.
    """
    declared: Collection[str] | None = getattr(model, "METRICS", None)
    if declared is not None:
        return declared
    trial = running_trial()
    if trial is not None or not cfg.train or cfg.trainer.fast_dev_run or cfg.trainer.devices != 1:
        return None
    with isolate_rng():
        trainer: pl.Trainer = build(
            cfg,
            "trainer",
            callbacks=[],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            fast_dev_run=True,
        )
        with settings_refused():
            trainer.fit(build(cfg, "model"), datamodule=build_data(cfg))
    return sorted(logged(trainer))
