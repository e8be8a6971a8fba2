"""A program in the style of the lightning-hydra-template, for benchmarks/study.py.

torch's DataLoader, torchmetrics logged by Lightning per epoch, ModelCheckpoint with the best and
the last, EarlyStopping, progress bar and model summary, objects from YAML, Hydra's Optuna sweeper.
"""

from __future__ import annotations

from typing import Any

import hydra
import numpy as np
import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchmetrics import MaxMetric, MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from zmodel.model.znet import ZNet

ALLOWED = ["__main__.*", "pytorch_lightning.*", "torch.optim.*"]


class MNIST1DDataModule(pl.LightningDataModule):
    def __init__(self, path: str, batch_size: int) -> None:
        super().__init__()
        self.path, self.batch_size = path, batch_size

    def setup(self, stage: str) -> None:
        with np.load(self.path) as file:
            x, y = file["x"].astype(np.float32), file["y"]
        x = (x - x.mean()) / x.std()
        full = TensorDataset(torch.from_numpy(x).reshape(-1, 1, 40), torch.from_numpy(y))
        generator = torch.Generator().manual_seed(0)
        self.train, self.val = random_split(full, [3200, 800], generator)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, self.batch_size)


class LitModule(pl.LightningModule):
    def __init__(self, optimizer: Any, z_layers: int, **network: Any) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.net = ZNet((1, 40), 10, z_layers=z_layers, **network)
        self.criterion = torch.nn.CrossEntropyLoss()
        self.train_acc, self.val_acc = (MulticlassAccuracy(10, average="micro") for _ in range(2))
        self.train_loss, self.val_loss = MeanMetric(), MeanMetric()
        self.val_acc_best = MaxMetric()

    def on_train_start(self) -> None:
        for metric in (self.val_loss, self.val_acc, self.val_acc_best):
            metric.reset()

    def step(self, batch: Any) -> Any:
        x, y = batch
        logits = self.net(x)
        return self.criterion(logits, y), logits.argmax(1), y

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss, predicted, y = self.step(batch)
        self.train_loss(loss)
        self.train_acc(predicted, y)
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/acc", self.train_acc, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss, predicted, y = self.step(batch)
        self.val_loss(loss)
        self.val_acc(predicted, y)
        self.log("val/loss", self.val_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("val/acc", self.val_acc, on_step=False, on_epoch=True, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        self.val_acc_best(self.val_acc.compute())
        self.log("val/acc_best", self.val_acc_best.compute(), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.optimizer(params=self.parameters())


@hydra.main(version_base="1.3", config_path=".", config_name="train", execution_whitelist=ALLOWED)
def main(cfg: DictConfig) -> float:
    pl.seed_everything(cfg.seed, workers=True, verbose=False)

    def build(node: Any, **more: Any) -> Any:
        return instantiate(node, _execution_whitelist_=ALLOWED, **more)

    data, model = build(cfg.data), build(cfg.model)
    callbacks = [build(node) for node in cfg.callbacks.values()]
    trainer = build(cfg.trainer, callbacks=callbacks, logger=build(cfg.logger))
    trainer.fit(model=model, datamodule=data)
    return trainer.callback_metrics["val/acc_best"].item()


if __name__ == "__main__":
    main()
