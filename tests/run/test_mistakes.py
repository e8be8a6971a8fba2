"""What people get wrong: one message through the real command, and nothing is spent on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import SMALL, config

from zmodel.cli.command import spelled
from zmodel.model import memory
from zmodel.model.znet import ZNet
from zmodel.run import run

ROOT = Path(__file__).parents[2]


def command(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    paths = [f"paths.log_dir={folder}/lög", f"hydra.run.dir={folder}/rün"]
    return subprocess.run(
        [sys.executable, "train.py", *overrides, *paths],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def data(folder: Path, **arrays: np.ndarray) -> str:
    """A file with a given split into parts, of which some are replaced; its override."""
    rng = np.random.default_rng(0)
    whole = {
        f"{name}_{part}": value
        for part in ("train", "val", "test")
        for name, value in (("x", rng.normal(size=(40, 8))), ("y", np.arange(40) % 2))
    }
    np.savez(folder / "däta.npz", **{**whole, **arrays})
    return f"data.path={folder}/däta.npz"


UNSOUND_TEST = {"y_test": np.zeros(40, dtype=int)}
STUDY = ["-m", "hparams_search=random", "hydra.sweeper.n_jobs=0"]


@pytest.mark.slow
def test_an_unsound_test_part_is_found_before_a_run_trains(tmp_path: Path) -> None:
    done = command(tmp_path, "data=arrays", data(tmp_path, **UNSOUND_TEST))
    assert done.returncode == 1
    assert (
        "däta.npz, test part: every class needs" in done.stderr
        and "found none of '1'" in done.stderr
    )
    assert not (tmp_path / "rün" / "csv").exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_test": np.full((40, 8), np.nan)}, "test part: x "),
        ({"y_train": np.zeros(40, dtype=int), "y_val": np.zeros(40, dtype=int)}, "two classes"),
        ({f"y_{part}": np.arange(40) % 2 + 1 for part in ("train", "val", "test")}, "found 1, 2"),
    ],
)
def test_unsound_data_end_a_rehearsal(tmp_path, arrays, words) -> None:
    own = ["data=arrays", spelled(data(tmp_path, **arrays)), "data.input_shape=[1,8]"]
    with pytest.raises(ValueError, match=f"däta.npz.*{words}"):
        run(config(tmp_path, *own, "trainer.fast_dev_run=true", "test=false"))


@pytest.mark.slow
def test_unsound_data_end_a_study_before_its_first_trial(tmp_path) -> None:
    path = data(tmp_path, x_test=np.full((40, 8), np.nan))
    done = command(tmp_path, *STUDY, "data=arrays", path, "data.input_shape=[1,8]")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "däta.npz" in done.stderr
    assert not list((tmp_path / "lög" / "studies").glob("*"))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("seed=-1", "^seed .*-1"),
        ("train=false test=false", "leaves nothing to do"),
        ("ckpt_path=nowhere.ckpt", "no such file"),
        ("trainer.min_epochs=9 trainer.max_epochs=3", "min_epochs .*9 and 3"),
        ("trainer.max_epochs=0", "max_epochs must be .* at least 1, .*got 0"),
        ("callbacks.early_stopping.patience=-1", "patience must be .* at least 0, got -1"),
        ("model.optimizer.lr=-1", "model.optimizer .*-1"),
        ("model.optimizer.lr=fast", "Correct model.optimizer"),
        ("+model.optimizer.momentum=1", "model.optimizer .*'momentum'"),
        ("schedule=warmup model=znet_onecycle", "model.scheduler .*'max_lr'"),
        ("+data.foo=1", "^data .*'foo'"),
        ("data.augment=shift", "data.augment .*shift"),
        ("trainer.accelerator=gpu", "^trainer .*gpu"),
        ("model.z_layers=1000", "z_layers must be at most 200"),
        ("+trainer.limit_val_batches=0", "optimized_metric=val/acc_best .*limit_val_batches=0"),
        ("trainer.check_val_every_n_epoch=4 trainer.max_epochs=3", "check_val_every_n_epoch=4"),
        ("+trainer.max_steps=5", "trainer.max_steps=5. The first validation is after 12 steps"),
        ("+trainer.max_steps=5 +trainer.limit_train_batches=0.5", "is after 6 steps"),
        ("+trainer.max_steps=3 +trainer.val_check_interval=4", "is after 4 steps"),
        ("+trainer.max_steps=5 trainer.fast_dev_run=true", "is after 12 steps"),  # a rehearsal
        ("data.batch_size=1 model.norm=batch", "data.batch_size must be at least 2"),
        ("model=znet_onecycle model.kernel_size=3 trainer.max_epochs=-1", "how many steps the run"),
        ("+trainer.val_check_interval=50", "val_check_interval"),
        ("model.width=100000", "parameters .*50,000,000"),
    ],
)
def test_options_that_make_no_sense(tmp_path, overrides, words) -> None:
    with pytest.raises(ValueError, match=words):
        run(config(tmp_path, *SMALL, *overrides.split()))
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.long
def test_a_network_larger_than_the_memory_is_refused_with_an_estimate(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda device: 2**26)
    wide = [*SMALL, "model.z_layers=4", "model.stride=1", "trainer.max_epochs=1"]
    run(config(tmp_path / "narrow", *wide, "model.width=32", "data.batch_size=10", "test=false"))
    for i, (overrides, words) in enumerate(
        (
            (
                ["model.width=128", "data.batch_size=1000"],
                "0.1 GiB available.*lower data.batch_size",
            ),
            (["model.width=512", "model.z_layers=1", "data.batch_size=10"], "data.eval_batch_size"),
        )
    ):
        with pytest.raises(ValueError, match=words):
            run(config(tmp_path / str(i), *wide, *overrides))


@pytest.mark.parametrize("keys", [{}, {"norm": "batch", "dropout": 0.1, "residual": True}])
def test_the_estimate_is_what_autograd_keeps(keys):
    net, x = ZNet((3, 16, 16), 10, z_layers=4, width=32, **keys), torch.randn(8, 3, 16, 16)
    weights = {p.untyped_storage()._cdata for p in net.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(x)
    assert sum(s.nbytes() for s in kept.values()) == pytest.approx(4 * 8 * net.activations, rel=0.2)
