"""A whole epoch in one step of Lightning's loop gives what single batches give."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities.model_helpers import is_overridden
from runs import SMALL, config

from zmodel.callbacks import EpochBar
from zmodel.data import Arrays, Batches, Digits, RandomShift
from zmodel.model.classifier import Classifier
from zmodel.model.whole_epochs import clearing
from zmodel.model.znet import ZNet
from zmodel.run.build import build
from zmodel.run.one_run import apply_extras, make_trainer, run

SCHEDULERS = {
    "none": "model.scheduler=null",
    "per step": "model=znet_onecycle",
    "per epoch": "model.scheduler={_target_: torch.optim.lr_scheduler.StepLR, _partial_: true, "
    "step_size: 2}",
    "plateau": "model.scheduler={_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, "
    "_partial_: true, patience: 0, threshold: 9, factor: 0.5}",  # nothing is an improvement
}
AUGMENT = "data.augment={_target_: zmodel.data.RandomShift, max_shift: 1}"


class SeesBatches(Callback):
    """Keeps Lightning's own loop."""

    seen = 0

    def on_train_batch_end(self, *args, **kwargs):
        self.seen += 1


def trained(folder: Path, *overrides: str, callback: Callback | None = None) -> Classifier:
    cfg = config(folder, *SMALL, AUGMENT, "model.dropout=0.1", "data.batch_size=300", *overrides)
    apply_extras(cfg)
    pl.seed_everything(0, verbose=False)
    data, model = build(cfg, "data"), build(cfg, "model")
    trainer = build(
        cfg,
        "trainer",
        callbacks=[callback] if callback else [],
        logger=[build(cfg, "logger.csv")],
        enable_checkpointing=False,
        max_epochs=5,
    )
    trainer.fit(model, datamodule=data)
    return model


def curve(folder: Path) -> list[dict[str, str]]:
    with open(folder / "csv/metrics.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS)
def test_the_curve_the_steps_and_the_weights_are_the_same(tmp_path, scheduler):
    whole = trained(tmp_path / "whole", scheduler)
    witness = SeesBatches()
    single = trained(tmp_path / "single", scheduler, callback=witness)
    assert not whole.automatic_optimization and single.automatic_optimization
    assert witness.seen == whole.trainer.global_step == single.trainer.global_step > 5
    assert curve(tmp_path / "whole") == curve(tmp_path / "single")
    for name, value in single.state_dict().items():
        assert torch.equal(whole.state_dict()[name], value), name


class Weighed(Digits):
    """Digits of which some count twice."""

    def load_train(self) -> Arrays:
        arrays = super().load_train()
        return arrays._replace(weights=1.0 + np.arange(len(arrays.y)) % 2)


def test_weights_of_samples_reach_both_loops(tmp_path, monkeypatch):
    monkeypatch.setenv("ZMODEL_ALLOW", f"{__name__}.*")
    own = f"data._target_={__name__}.Weighed"
    models = {
        "whole": trained(tmp_path / "whole", own),
        "single": trained(tmp_path / "single", own, callback=SeesBatches()),
        "unweighted": trained(tmp_path / "unweighted"),
    }
    curves = {name: curve(tmp_path / name) for name in models}
    assert curves["whole"] == curves["single"] != curves["unweighted"]


def test_no_progress_bar_is_none_and_not_lightnings_own(tmp_path):
    for bar, words in (
        (True, ["callbacks=progress_bar"]),
        (False, ["callbacks=progress_bar", "callbacks.progress_bar=null"]),
        (False, ["callbacks=none"]),
    ):
        cfg = config(tmp_path, *SMALL, "trainer.enable_progress_bar=true", "logger=csv", *words)
        trainer, _ = make_trainer(cfg, None)
        assert isinstance(trainer.progress_bar_callback, EpochBar if bar else type(None))
        assert not any(is_overridden("on_train_batch_end", c, Callback) for c in trainer.callbacks)


@pytest.mark.parametrize(
    "override",
    [
        "trainer.gradient_clip_val=1.0",
        pytest.param("+trainer.accumulate_grad_batches=2", marks=pytest.mark.long),
        "+trainer.limit_train_batches=2",
        pytest.param("+trainer.max_steps=8", marks=pytest.mark.long),
        "+trainer.profiler=simple",
        pytest.param("trainer.precision=bf16-mixed", marks=pytest.mark.long),
        pytest.param("+trainer.val_check_interval=0.5", marks=pytest.mark.long),
        "+trainer.limit_train_batches=1",
        pytest.param("+trainer.val_check_interval=1", marks=pytest.mark.long),
    ],
)
def test_what_needs_single_batches_gets_lightnings_loop(tmp_path, override):
    model = trained(tmp_path, override)
    steps = {"+trainer.limit_train_batches=1": 5}.get(override, 8)
    assert model.automatic_optimization and model.trainer.global_step >= steps
    assert model.trainer.callback_metrics["train/acc"] > 0.1


def test_a_limit_of_one_is_one_batch_and_of_all_is_all(tmp_path):
    """Lightning tells 1 from 1.0, which are equal in Python."""
    one = trained(tmp_path / "one", "+trainer.limit_train_batches=1")
    every = trained(tmp_path / "all", "+trainer.limit_train_batches=1.0")
    assert (one.trainer.global_step, every.trainer.global_step) == (5, 20)
    assert one.automatic_optimization and not every.automatic_optimization


@pytest.mark.parametrize("way", [[], ["trainer.gradient_clip_val=1e9"]], ids=["whole", "single"])
def test_a_plateau_is_asked_after_every_validation(tmp_path, way):
    few = [SCHEDULERS["plateau"], "trainer.check_val_every_n_epoch=2", "model.optimizer.lr=0.016"]
    model = trained(tmp_path, *few, *way)
    rates = [float(row["lr"]) for row in curve(tmp_path) if row["lr"]]
    assert rates == pytest.approx([0.016, 0.008, 0.008, 0.004, 0.004])
    assert model.automatic_optimization == bool(way)


class OwnTransfer(Digits):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        x, y = batch
        return x * 2, y


class OwnLoss(Classifier):
    def training_step(self, batch, batch_idx):
        return 2 * super().training_step(batch, batch_idx)


@pytest.mark.parametrize(
    "override",
    [f"data._target_={__name__}.OwnTransfer", f"model._target_={__name__}.OwnLoss"],
)
def test_own_hooks_and_own_steps_are_called_with_batches(tmp_path, override, monkeypatch):
    monkeypatch.setenv("ZMODEL_ALLOW", f"{__name__}.*")
    model = trained(tmp_path, override)
    assert model.automatic_optimization
    assert model.trainer.callback_metrics["train/acc"] > 0.15


def test_an_interrupted_run_may_go_on_with_single_batches(tmp_path):
    """A checkpoint of the one way continues in the other to the same weights."""
    few = ["trainer.max_epochs=4", "callbacks.early_stopping.patience=100", "test=false"]
    clip = "trainer.gradient_clip_val=1e9"  # never clips, but asks for Lightning's loop
    whole = config(tmp_path / "whole", *SMALL, *few)
    run(whole)
    run(config(tmp_path / "half", *SMALL, *few[1:], "trainer.max_epochs=2"))
    last = tmp_path / "half/checkpoints/last.ckpt"
    run(config(tmp_path / "rest", *SMALL, *few, clip, f"ckpt_path={last}"))
    weights = [
        torch.load(tmp_path / name / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for name in ("whole", "rest")
    ]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value)


def test_no_step_waits_for_the_device():
    """On torch's meta device, which has no values, whatever is read back raises."""
    x, y = torch.empty(500, 1, 40, device="meta"), torch.empty(500, dtype=torch.long, device="meta")
    model = Classifier(ZNet, torch.optim.Adam, label_smoothing=0.1)
    model.net = ZNet((1, 40), 10, norm="batch", dropout=0.1).to("meta")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=False)
    steps = 0
    for batch in Batches((x, y), 100, seed=0, augment=RandomShift(3)):
        model.training_step(batch, steps).backward()
        optimizer.step()
        steps += 1
    assert steps == 5 and model._counts[0].device.type == "meta"
    with pytest.raises((NotImplementedError, RuntimeError)):
        float(model._losses[0])


def test_gradients_are_cleared_in_the_optimizers_own_way_if_it_has_one():
    class Own(torch.optim.SGD):
        def zero_grad(self, set_to_none=True):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.grad.zero_()

    for kind, left in ((torch.optim.SGD, None), (Own, 0.0)):
        parameter = torch.nn.Parameter(torch.ones(()))
        parameter.grad = torch.ones(())
        clearing(kind([parameter]))()
        assert parameter.grad == left
