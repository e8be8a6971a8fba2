"""A run that goes on from a checkpoint: what it keeps, what it takes from its own command."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from omegaconf import open_dict
from runs import SMALL, config, result
from trials import Trial

from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.running_trial import running
from zmodel.run import run
from zmodel.run.build import build

FEW = [*SMALL, "data.batch_size=300", "test=false"]
PATIENCE = "callbacks.early_stopping.patience"


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


def start(folder: Path, *overrides: str) -> Path:
    """A run; its last checkpoint."""
    run(config(folder, *FEW, *overrides))
    return last(folder)


def go_on(folder: Path, checkpoint: Path, *overrides: str) -> dict:
    run(config(folder, *FEW, *overrides, f"ckpt_path={checkpoint}"))
    return result(folder)


@pytest.fixture
def interrupted(tmp_path):
    """Makes a run that is asked to stop in its second epoch; its last checkpoint."""

    def make(*overrides: str) -> Path:
        try:
            with pytest.raises(Interrupted) as stopped, running(Trial(stop_after=2)):
                run(config(tmp_path / "part", *FEW, *overrides))
        finally:
            stop.clear()
        assert stopped.value.exit_code == 130 and not (tmp_path / "part/result.json").exists()
        return Path(stopped.value.checkpoint)

    return make


@pytest.mark.parametrize(
    "limits",
    [
        ["trainer.max_epochs=null", "+trainer.max_steps=20"],
        ["trainer.max_epochs=5"],
        pytest.param(
            ["trainer.max_epochs=-1", f"{PATIENCE}=1", "model.optimizer.lr=0.3"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["trainer.max_epochs=-1", "+trainer.max_time={seconds: 3}"], marks=pytest.mark.long
        ),
    ],
)  # four steps are an epoch
def test_a_run_is_over_when_the_loop_says_so(tmp_path, interrupted, limits):
    checkpoint = interrupted(*limits)
    found = go_on(tmp_path / "rest", checkpoint, *limits)
    assert found["epochs"] >= 3
    if "max_time" not in limits[-1]:
        run(config(tmp_path / "whole", *FEW, *limits))
        whole = result(tmp_path / "whole")
        assert found["metrics"] == pytest.approx(whole["metrics"])
        assert found["epochs"] == whole["epochs"]


def test_a_request_in_the_last_epoch_stops_nothing(tmp_path):
    try:
        with running(Trial(stop_after=2)):
            run(config(tmp_path, *FEW, "trainer.max_epochs=null", "+trainer.max_steps=8"))
        assert stop.signum == 2 and result(tmp_path)["epochs"] == 2
    finally:
        stop.clear()


def test_without_a_checkpoint_a_request_ends_the_run_too(tmp_path):
    few = ["~callbacks.checkpoint", "trainer.max_epochs=5"]
    try:
        with pytest.raises(Interrupted) as stopped, running(Trial(stop_after=2)):
            run(config(tmp_path, *FEW, *few))
        assert stopped.value.checkpoint is None
    finally:
        stop.clear()


# --- early stopping ---


@pytest.mark.long
def test_more_patience_goes_on_and_the_same_stays_finished(tmp_path):
    still = ["model.optimizer.lr=0.0", "trainer.max_epochs=6", f"{PATIENCE}_steps=0"]
    checkpoint = start(tmp_path / "first", *still, f"{PATIENCE}=1")
    first = result(tmp_path / "first")
    assert first["stopped_early"] and first["epochs"] == 2
    same = go_on(tmp_path / "same", checkpoint, *still, f"{PATIENCE}=1")
    for key in ("epochs", "stopped_early", "best_epoch", "metrics", "best_metrics"):
        assert same[key] == first[key], key
    more = go_on(tmp_path / "more", checkpoint, *still, f"{PATIENCE}=3")
    assert more["epochs"] == 4 and more["stopped_early"]  # one epoch of waiting was over
    most = go_on(tmp_path / "most", last(tmp_path / "more"), *still, f"{PATIENCE}=100")
    assert most["epochs"] == 6 and not most["stopped_early"]
    with running(Trial(prune_after=1)):
        pruned = go_on(tmp_path / "pruned", checkpoint, *still, f"{PATIENCE}=100")
    assert (pruned["epochs"], pruned["pruned"], pruned["stopped_early"]) == (3, True, False)
    less = go_on(tmp_path / "less", last(tmp_path / "most"), *still, f"{PATIENCE}=2")
    assert less["epochs"] == 6


def test_a_threshold_that_was_reached_ends_a_resumed_run_unless_it_was_raised(tmp_path):
    lightnings = "{_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/acc, mode: max"
    few = ["trainer.max_epochs=6", f"+callbacks.threshold={lightnings}, stopping_threshold: 0.2}}"]
    checkpoint = start(tmp_path / "first", *few)
    first = result(tmp_path / "first")
    assert first["stopped_early"] and first["epochs"] < 3
    assert go_on(tmp_path / "same", checkpoint, *few)["epochs"] == first["epochs"]
    raised = [few[0], few[1].replace("0.2", "2.0")]
    more = go_on(tmp_path / "more", checkpoint, *raised)
    assert more["epochs"] == 6 and not more["stopped_early"]


def test_a_run_of_all_its_epochs_stays_finished_and_is_tested(tmp_path):
    checkpoint = start(tmp_path / "first", "trainer.max_epochs=2")
    first, again = result(tmp_path / "first"), tmp_path / "again"
    value = run(config(again, *FEW, "trainer.max_epochs=2", "test=true", f"ckpt_path={checkpoint}"))
    found = result(again)
    assert value == first["metrics"]["val/acc_best"] and found["epochs"] == 2
    tested = {k: v for k, v in found["metrics"].items() if k.startswith("test/")}
    assert tested and found["metrics"] == first["metrics"] | tested


@pytest.mark.filterwarnings("ignore:Be aware that when using .ckpt_path")  # early stopping's state
def test_another_measure_begins_to_look_for_the_best_anew(tmp_path):
    slow = "model.optimizer.lr=0.001"  # losses stay above every accuracy
    checkpoint = start(tmp_path / "first", slow, "trainer.max_epochs=2")
    few = [slow, "trainer.max_epochs=3", "optimized_metric=val/loss_best"]
    found = go_on(tmp_path / "rest", checkpoint, *few)
    best = torch.load(tmp_path / "rest" / "checkpoints" / "best.ckpt", weights_only=True)
    assert found["best_epoch"] == best["epoch"] == 2  # the only one judged by its loss


# --- optimizer and schedule ---


def rates(folder: Path) -> list[float]:
    rows = [line.split(",") for line in (folder / "csv/metrics.csv").read_text().splitlines()]
    column = rows[0].index("lr")
    return [float(row[column]) for row in rows[1:] if row[column]]


STEP = "model.scheduler={_target_: torch.optim.lr_scheduler.StepLR, _partial_: true, step_size: 1}"


def test_settings_of_optimizer_and_schedule_are_those_of_the_command(tmp_path, monkeypatch):
    checkpoint = start(tmp_path / "first", "trainer.max_epochs=1")
    few = ["trainer.max_epochs=2", "model.optimizer.lr=0.002", "model.optimizer.weight_decay=0.1"]
    go_on(tmp_path / "rest", checkpoint, *few)
    state = torch.load(last(tmp_path / "rest"), weights_only=True)["optimizer_states"][0]
    group = state["param_groups"][0]
    assert (group["lr"], group["weight_decay"]) == (0.002, 0.1)
    assert state["state"][0]["step"] == 8  # the moments go on
    checkpoint = start(tmp_path / "steps", "trainer.max_epochs=1", STEP)
    more = [STEP.replace("size: 1", "size: 1, gamma: 0.5"), "trainer.max_epochs=3"]
    go_on(tmp_path / "more", checkpoint, *more)
    assert rates(tmp_path / "more") == pytest.approx([0.001 * 0.5, 0.001 * 0.25])


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        (["model=znet_onecycle"], ["model=znet_onecycle"], "total_steps"),
        ([STEP], [STEP, "model.optimizer.lr=0.1"], "model.optimizer.lr"),
        ([STEP], [], "model.scheduler"),
        ([], [STEP], "model.scheduler"),
        ([], ["model.optimizer={_target_: torch.optim.SGD, _partial_: true, lr: 0.1}",
              "~model.optimizer.weight_decay"], "model.optimizer"),
        ([], ["model.width=9"], "same network"),
        ([], ["trainer.max_epochs=1"], "max_epochs must be at least 2"),
    ],
)  # fmt: skip
def test_what_cannot_go_on_is_refused_before_the_first_step(tmp_path, first, then, words):
    checkpoint = start(tmp_path / "first", "trainer.max_epochs=2", *first, "model.kernel_size=3")
    with pytest.raises(ValueError, match=words):
        go_on(tmp_path / "rest", checkpoint, "trainer.max_epochs=3", *then, "model.kernel_size=3")
    assert not (tmp_path / "rest" / "checkpoints").exists()


def test_weights_alone_are_no_checkpoint_to_go_on_from(tmp_path):
    checkpoint = start(tmp_path / "first", "trainer.max_epochs=1")
    with pytest.raises(ValueError, match="Name the last.ckpt"):
        go_on(tmp_path / "rest", checkpoint.with_name("best.ckpt"))
    content = checkpoint.read_bytes()
    for length in (0, 1000, 5000, len(content) - 1):  # for 5000 torch has another error
        checkpoint.write_bytes(content[:length])
        with pytest.raises(ValueError, match="damaged"):
            go_on(tmp_path / "rest", checkpoint)


@pytest.mark.filterwarnings("ignore:Attribute 'net' is an instance of")
def test_a_module_may_keep_its_network_and_optimizer_as_hyperparameters(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "support" / "own"))
    monkeypatch.setenv("ZMODEL_ALLOW", "given_parts.*")
    epochs, ended = ["trainer.max_epochs=1"], tmp_path / "checkpoints" / "last.ckpt"
    given = [*SMALL, "test=false", "optimized_metric=val/loss", "logger=none"]
    for further in (epochs, ["trainer.max_epochs=2", f"ckpt_path={ended}"]):
        cfg = config(tmp_path, *given, *further)
        with open_dict(cfg):
            cfg.model = {
                "_target_": "given_parts.GivenParts",
                "net": {"_target_": "torch.nn.Linear", "in_features": 64, "out_features": 10},
                "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1},
            }
        run(cfg)
    assert result(tmp_path)["epochs"] == 2
    assert torch.load(ended, weights_only=True)["hyper_parameters"] == {"width": 3}
    kept = build(cfg, "model").hparams["optimizer"]
    again = pickle.loads(pickle.dumps(kept))
    assert (again.func, again.keywords) == (torch.optim.SGD, {"lr": 0.1})
