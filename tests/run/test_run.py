"""One run: what it writes, that it repeats and resumes exactly, what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import open_dict
from runs import SMALL, config, result
from trials import Trial

from zmodel.cli.command import message
from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.running_trial import running
from zmodel.data.sources.mnist1d import MNIST1D
from zmodel.run import run
from zmodel.run.build import build_data
from zmodel.run.result import judged_by_constant

ROOT = Path(__file__).parents[2]


def test_a_run_writes_what_the_contract_names(tmp_path):
    value = run(config(tmp_path, *SMALL, "trainer.max_epochs=3", "seed=5"))
    found = result(tmp_path)
    assert value == found["metrics"]["val/acc_best"]
    named = {
        "train/loss",
        "train/acc",
        "val/loss",
        "val/acc",
        "val/acc_best",
        "test/loss",
        "test/acc",
    }
    assert named <= set(found["metrics"])
    assert found["epochs"] == 3 and not found["stopped_early"] and found["seed"] == 5
    assert {"best_epoch", "seconds", "parameters", "checkpoint", "git", "versions"} <= set(found)
    counts = torch.tensor(found["confusion_matrix"]["counts"])
    assert counts.trace() / counts.sum() == pytest.approx(value)  # of the best epoch
    assert found["never_learned"] is False
    sizes = [sum(row) for row in found["confusion_matrix"]["counts"]]
    assert found["validated"] == sum(sizes) and found["majority"] == max(sizes) / sum(sizes)
    rows = (tmp_path / "csv" / "metrics.csv").read_text().splitlines()
    assert {"epoch", "train/loss", "val/acc", "lr"} <= set(rows[0].split(","))
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["epoch"] == found["best_epoch"]


def test_a_run_loads_its_samples_once(tmp_path, monkeypatch):
    """Large data take seconds, and a study has hundreds of trials."""
    loads, load = [], MNIST1D.load_train
    monkeypatch.setattr(MNIST1D, "load_train", lambda self: loads.append(1) or load(self))
    run(config(tmp_path, *SMALL, "data=mnist1d", "data.folds=auto", "trainer.max_epochs=1"))
    assert result(tmp_path)["data_hash"] and len(loads) == 1


def test_tensorboard_has_curves_and_hyperparameters(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    run(config(tmp_path, *SMALL, "trainer.max_epochs=2", "callbacks=[default,grad_norm]"))
    scalars, sessions = {}, []
    for file in (tmp_path / "tensorboard").glob("events*"):
        events = EventAccumulator(str(file))
        events.Reload()
        scalars |= {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}
        for tag in ("_hparams_/session_start_info", "_hparams_/experiment"):
            if tag in events.summary_metadata:
                content = events.summary_metadata[tag].plugin_data.content
                sessions.append(HParamsPluginData.FromString(content))
    start, experiment = sessions  # one row of the HParams tab
    assert start.session_start_info.group_name.startswith(f"{tmp_path.name} of ")
    assert list(start.session_start_info.hparams) == ["seed"]  # without Hydra nothing is changed
    names = {info.name.tag for info in experiment.experiment.metric_infos}
    assert names == {"final/val/acc_best", "final/test/acc", "final/test/loss", "final/test/f1"}
    assert {"train/loss", "train/acc", "val/loss", "val/acc", "train/lr"} <= set(scalars)
    assert "grad/norm" in scalars and all("/" in tag for tag in scalars)
    assert not set(scalars) & {"epoch", "test/acc"} and "final/test/acc" in scalars
    assert {tag: [e.step for e in points] for tag, points in scalars.items()} == dict.fromkeys(
        scalars, [1, 2]
    ), "epochs, whatever the batch size; no tag of a single dot"
    assert scalars["final/val/acc_best"][0].value == pytest.approx(
        result(tmp_path)["metrics"]["val/acc_best"]
    )


def test_same_seed_same_number_and_another_seed_another(tmp_path):
    command = [*SMALL, "trainer.max_epochs=3", "model.dropout=0.2", "test=false"]
    values = [
        run(config(tmp_path / str(i), *command, f"seed={seed}")) for i, seed in enumerate((1, 1, 2))
    ]
    assert values[0] == values[1]
    metrics = [result(tmp_path / str(i))["metrics"] for i in range(3)]
    assert metrics[0] == metrics[1] != metrics[2]


def test_resuming_continues_as_if_never_interrupted(tmp_path):
    command = [*SMALL, "model.dropout=0.2", "model=znet_onecycle", "model.kernel_size=3"]
    whole = [*command, "trainer.max_epochs=5"]
    run(config(tmp_path / "whole", *whole))
    try:
        with pytest.raises(Interrupted) as stopped, running(Trial(stop_after=2)):
            run(config(tmp_path / "part", *whole))
    finally:
        stop.clear()
    run(config(tmp_path / "rest", *whole, f"ckpt_path={stopped.value.checkpoint}"))
    assert result(tmp_path / "rest")["metrics"] == result(tmp_path / "whole")["metrics"]
    assert result(tmp_path / "rest")["best_epoch"] == result(tmp_path / "whole")["best_epoch"]


def test_the_best_weights_are_tested_not_the_last(tmp_path):
    """A learning rate that ruins the network after the first epoch."""
    step = "torch.optim.lr_scheduler.StepLR"
    ruin = f"model.scheduler={{_target_: {step}, _partial_: true, step_size: 2, gamma: 1e4}}"
    run(config(tmp_path / "a", *SMALL, "trainer.max_epochs=4", ruin, "model.optimizer.lr=0.005"))
    found = result(tmp_path / "a")
    assert found["metrics"]["val/acc"] < 0.5 < found["metrics"]["val/acc_best"]
    best = f"ckpt_path={tmp_path / 'a' / 'checkpoints' / 'best.ckpt'}"
    run(config(tmp_path / "b", *SMALL, "train=false", best))
    alone = result(tmp_path / "b")["metrics"]
    assert alone == {k: v for k, v in found["metrics"].items() if k.startswith("test/")}


PATIENCE_OF_TWO = [
    "callbacks.early_stopping.patience=2", "callbacks.early_stopping.patience_steps=0",
]  # fmt: skip


def test_early_stopping_ends_the_run(tmp_path):
    command = [*SMALL, "trainer.max_epochs=50", "model.optimizer.lr=0.0"]
    run(config(tmp_path, *command, *PATIENCE_OF_TWO, "test=false"))
    found = result(tmp_path)
    assert found["stopped_early"] and found["epochs"] == 3 and found["best_epoch"] == 0
    constant = {"metrics": {"val/acc_best": 0.1}, "confusion_matrix": {"counts": [[9, 0], [3, 0]]}}
    assert judged_by_constant(constant) and judged_by_constant({"metrics": {}}) is None


def test_patience_counts_validations(tmp_path):
    """With an interval of one batch there are twelve in an epoch; min_epochs is 1."""
    still = [*SMALL, *PATIENCE_OF_TWO, "trainer.max_epochs=9", "model.optimizer.lr=0", "test=false"]
    run(config(tmp_path, *still, "+trainer.val_check_interval=1"))
    found = result(tmp_path)
    assert found["stopped_early"] and found["epochs"] == 1


def test_several_objectives(tmp_path):
    value = run(
        config(tmp_path, *SMALL, "trainer.max_epochs=1", "optimized_metric=[val/acc,parameters]")
    )
    assert value == (result(tmp_path)["metrics"]["val/acc"], result(tmp_path)["parameters"])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.z_layers=-1"], "z_layers"),
        (["data.batch_size=0"], "batch_size"),
        (["callbacks.early_stopping.monitor=val/accc"], "val/acc_best"),
        (["optimized_metric=val/accc"], "val/acc_best"),
        (["train=false"], "ckpt_path"),
        (["model.label_smoothing=1.5"], "label_smoothing"),
        (["model.optimizer.lr=1e30", "trainer.max_epochs=2"], "model.optimizer.lr"),
        (["extras.enforce_tags=true", "tags=[]"], "tags"),
    ],
)
def test_what_cannot_work_is_a_value_error_that_says_what_to_mend(tmp_path, overrides, words):
    with pytest.raises(ValueError, match=words):
        run(config(tmp_path, *SMALL, *overrides))


@pytest.mark.long
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.optimizer.rate=0.1"], "Known there: lr, weight_decay"),
        (["model.z_layers=-1"], "z_layers must be"),
    ],
)
def test_the_command_prints_one_message_and_exits_1(tmp_path, overrides, words):
    command = [sys.executable, "train.py", f"hydra.run.dir={tmp_path}", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("override", "words"),
    [("model.zlayers=2", "mean: 'z_layers'"), ("data=foo", "mnist1d")],
)
def test_a_misspelled_name_is_answered_with_the_known_ones(tmp_path, override, words):
    with pytest.raises(Exception) as raised:
        run(config(tmp_path, override))
    assert words in message(raised.value)


def test_help_is_light():
    """--help names groups and values, and imports neither torch nor Optuna."""
    command = [sys.executable, "-X", "importtime", "train.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "hparams_search" in done.stdout and "z_layers" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"torch", "optuna", "pytorch_lightning", "matplotlib", "pandas"}


def test_without_callbacks_nothing_is_kept(tmp_path):
    """Lightning's own checkpoint, which it adds by itself, would write after every epoch."""
    few = ["trainer.max_epochs=1", "test=false", "optimized_metric=val/acc"]
    score = run(config(tmp_path, *SMALL, *few, "callbacks=none"))
    assert score == result(tmp_path)["metrics"]["val/acc"]
    assert not list(tmp_path.rglob("*.ckpt")) and result(tmp_path)["epochs"] == 1


@pytest.mark.parametrize("none", [None, [], "absent"])
def test_no_callbacks_and_no_loggers_may_be_said_in_every_way(tmp_path, none):
    cfg = config(tmp_path, *SMALL, "trainer.max_epochs=1", "test=false")
    with open_dict(cfg):
        for group in ("callbacks", "logger"):
            if none == "absent":
                del cfg[group]
            else:
                cfg[group] = none
    assert run(cfg) == result(tmp_path)["metrics"]["val/acc_best"]
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_reshuffling_draws_the_split_by_the_seed_of_the_run(tmp_path):
    def validated(*overrides: str) -> list[int]:
        cfg = config(tmp_path, *SMALL, *overrides)
        return build_data(cfg).split(build_data(cfg).load_train())[1].tolist()  # type: ignore[operator]

    assert validated("seed=1") == validated("seed=2")
    reshuffled = [validated(f"seed={seed}", "data.reshuffle=true") for seed in (1, 2, 1)]
    assert reshuffled[0] == reshuffled[2] != reshuffled[1]
    assert validated("seed=0", "data.reshuffle=true") == validated("seed=1")
