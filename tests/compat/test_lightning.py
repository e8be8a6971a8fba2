"""What zmodel uses of the private side of Lightning is there, and does what it is used for."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from zmodel.compat.lightning import count_steps, set_max_steps


class FourSteps(pl.LightningModule):
    """One training step that steps the optimizer four times, without Lightning's wrapper."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        for _ in range(4):
            self.optimizers(use_pl_optimizer=False).step()
        count_steps(self.trainer, 4)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_steps_that_a_training_step_makes_by_itself_are_counted():
    steps = []

    class Logger(pl.loggers.logger.DummyLogger):
        def log_metrics(self, metrics, step=None):
            steps.append(step)

    class Logs(pl.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            pl_module.log("epochs", 1.0)

    quiet = {
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    }
    trainer = pl.Trainer(
        max_epochs=2, logger=Logger(), callbacks=[Logs()], log_every_n_steps=1, **quiet
    )
    trainer.fit(FourSteps(), DataLoader(TensorDataset(torch.zeros(1, 1)), num_workers=0))
    assert trainer.global_step == 8, "optim_step_progress.total.completed"
    assert steps == [3, 7], "_batches_that_stepped"  # of the last step before each is logged


def test_the_limit_of_steps_can_be_set():
    trainer = pl.Trainer(max_steps=3, logger=False, enable_checkpointing=False, accelerator="cpu")
    assert set_max_steps(trainer, -1) == 3
    assert trainer.max_steps == -1, "fit_loop.epoch_loop.max_steps"
