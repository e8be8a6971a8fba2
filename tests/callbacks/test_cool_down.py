"""Early stopping that cools down: when it begins, how the learning rate falls, how it resumes."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from runs import SMALL, config, result
from trials import Trial

from zmodel.callbacks import CoolDownStopping
from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.running_trial import running
from zmodel.run import run

FEW = [*SMALL, "callbacks=cool_down", "data.batch_size=300", "data.epoch_steps=1",
       "test=false", "logger=csv"]  # fmt: skip
STOPPING = "callbacks.early_stopping"
SOON = [f"{STOPPING}.patience=1", f"{STOPPING}.patience_steps=0", f"{STOPPING}.loss=null"]
HALF = f"{STOPPING}.cooldown=0.5"


def rates(folder: Path) -> list[float]:
    """The learning rate of every epoch."""
    import pandas

    logged = pandas.read_csv(next(folder.glob("csv/**/metrics.csv")))
    return [float(v) for v in logged["lr"].dropna()]


def trainer(
    steps: int, loss: float | None, most: int = -1, epoch: int = 0, rate: float = 1.0
) -> SimpleNamespace:
    metrics = {} if loss is None else {"val/loss": torch.tensor(loss)}
    groups = [SimpleNamespace(param_groups=[{"lr": rate, "initial_lr": 1.0}])]
    return SimpleNamespace(
        world_size=1, global_step=steps, callback_metrics=metrics, current_epoch=epoch,
        min_epochs=None, max_epochs=most, fit_loop=SimpleNamespace(max_epochs=most),
        optimizers=groups, lr_scheduler_configs=[],
    )  # fmt: skip


def ended_after(
    curve: list[float], losses: list[float] | None = None, steps: int = 1, warm_up: int = 0,
    every: int = 1, **options,
):  # fmt: skip
    """(epochs done when it cooled down, epochs in all) of a run with this accuracy at each of
    `every` validations of an epoch, with a learning rate that rises for `warm_up` epochs."""
    stopping = CoolDownStopping("val/acc", "max", **options)
    first = trainer(0, None)
    stopping.on_fit_start(first, None)
    for number, value in enumerate(curve):
        loss, epoch = losses[number] if losses else None, number // every
        rate = min(1.0, (epoch + 1) / max(1, warm_up))
        now = trainer(steps * (number + 1), loss, epoch=epoch, rate=rate)
        stopping.observe(now, None, value)
        if stopping.end is not None:
            return stopping.cooled_from, stopping.end
    return None


def test_it_cools_down_over_a_share_of_the_epochs_so_far():
    flat = [0.1, 0.2, 0.3] + [0.3] * 20
    assert ended_after(flat, patience=5, cooldown=0.5) == (8, 12)
    assert ended_after(flat, patience=5, cooldown=0) == (None, 8)
    assert ended_after(flat, patience=5, cooldown=0.25, steps=100, patience_steps=1000) == (13, 17)
    assert ended_after(flat, patience=50, cooldown=0.5) is None


def test_patience_begins_after_a_warm_up():
    """Twenty epochs of rising learning rates are longer than the patience."""
    flat, at_once = [0.1] * 60, {"patience": 5, "cooldown": 0}
    assert ended_after(flat, **at_once) == (None, 6)
    assert ended_after(flat, warm_up=20, **at_once) == (None, 25)
    assert ended_after(flat, warm_up=20, every=2, **at_once) == (None, 22)
    assert ended_after(flat, warm_up=20, steps=2, patience_steps=30, **at_once) == (None, 35)
    before = CoolDownStopping("val/acc", "max", **at_once)
    for epoch in range(15):
        now = trainer(epoch, None, epoch=epoch, rate=1e-3 * epoch)
        before.on_fit_start(now, None)
        before.observe(now, None, 0.1)
        after = CoolDownStopping("val/acc", "max", **at_once)
        after.load_state_dict(before.state_dict())
        before = after
    assert before.is_warming and before.end is None
    older = {k: v for k, v in before.state_dict().items() if k not in ("is_warming", "_seen")}
    after.load_state_dict(older | {"waited": 4})
    after.observe(trainer(16, None, epoch=15), None, 0.1)
    assert after.end is not None, "a checkpoint older than this keeps what it had waited"


def test_a_falling_loss_is_progress():
    chance, falling = [0.1] * 30, [2.3 - 0.01 * epoch for epoch in range(30)]  # by .023 is a fall
    half = {"patience": 5, "cooldown": 0.5}
    assert ended_after(chance, **half) == (6, 9)
    assert ended_after(chance, falling, **half) is None
    assert ended_after(chance, falling, loss=None, **half) == (6, 9)
    noise = [2.3 - 1e-3 * epoch for epoch in range(30)]
    assert ended_after(chance, noise, **half) == (6, 9)


def test_an_epoch_that_is_no_number_does_not_hide_the_progress_after_it():
    nan = float("nan")
    rising = [nan, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert ended_after(rising, patience=2, loss=None) is None
    falling = [nan, 3.0, 2.0, 1.0, 0.5, 0.25]
    assert ended_after([0.1] * 6, falling, patience=2) is None
    assert ended_after([0.1] * 6, [math.inf, *falling[1:]], patience=2) is None
    assert ended_after([nan] * 6, [nan] * 6, patience=2) == (None, 3)


def test_processes_end_at_the_same_epoch_though_they_saw_different_losses():
    """Each asks the other; one of them has waited long enough."""
    stopping = CoolDownStopping("val/acc", "max", patience=5)
    now = trainer(1, None)
    now.world_size = 2
    now.strategy = SimpleNamespace(reduce_boolean_decision=lambda here, all: True)
    stopping.on_fit_start(now, None)
    stopping.observe(now, None, 0.5)
    assert stopping.end == 1


def test_the_learning_rate_falls_in_even_steps_and_the_run_ends(tmp_path):
    still = ["model.optimizer.lr=1e-9", "trainer.max_epochs=50", *SOON]
    run(config(tmp_path, *FEW, *still, f"{STOPPING}.patience=4", f"{STOPPING}.cooldown=0.8"))
    found = result(tmp_path)
    start, end = found["cooled_from"], found["epochs"]
    assert (end, found["max_epochs"]) == (start + -(-start * 4 // 5), 50)
    assert found["stopped_early"] and end < 50
    steps = [(i + 0.5) / (end - start) for i in range(end - start)]
    wanted = [1.0] * start + [1 - step for step in steps]
    assert [rate / 1e-9 for rate in rates(tmp_path)] == pytest.approx(wanted)


def test_a_warm_up_comes_before_it(tmp_path):
    options = [*FEW, "schedule=warmup", "model.optimizer.lr=1e-9", "trainer.max_epochs=50", *SOON]
    run(config(tmp_path, *options, f"{STOPPING}.patience=6", HALF))
    start, end = result(tmp_path)["cooled_from"], result(tmp_path)["epochs"]
    warm = [0.28, 0.46, 0.64, 0.82] + [1.0] * (start - 4)  # noted after an epoch, for the next
    assert start > 5
    down = [1 - (i + 0.5) / (end - start) for i in range(end - start)]
    assert [rate / 1e-9 for rate in rates(tmp_path)] == pytest.approx(warm + down)


def test_the_cool_down_fits_into_what_the_run_may_take(tmp_path):
    run(config(tmp_path, *FEW, "trainer.max_epochs=6", f"{STOPPING}.cooldown=0.5"))
    found = result(tmp_path)
    assert (found["epochs"], found["cooled_from"], found["stopped_early"]) == (6, 4, False)


@pytest.mark.parametrize("after", [2, 5])
def test_an_interrupted_run_cools_down_as_if_nothing_had_happened(tmp_path, after):
    options = [*FEW, "trainer.max_epochs=7", HALF]
    run(config(tmp_path / "whole", *options))
    try:
        with pytest.raises(Interrupted) as stopped, running(Trial(stop_after=after)):
            run(config(tmp_path / "part", *options))
    finally:
        stop.clear()
    run(config(tmp_path / "rest", *options, f"ckpt_path={stopped.value.checkpoint}"))
    whole, rest = result(tmp_path / "whole"), result(tmp_path / "rest")
    assert whole["cooled_from"] == rest["cooled_from"] == 5
    assert whole["metrics"]["val/loss"] == rest["metrics"]["val/loss"]


def test_a_finished_run_stays_finished_and_a_longer_patience_goes_on(tmp_path):
    options = [*FEW, "model.optimizer.lr=1e-9", "trainer.max_epochs=40"]
    run(config(tmp_path / "a", *options, *SOON))
    checkpoint = f"ckpt_path={tmp_path / 'a' / 'checkpoints' / 'last.ckpt'}"
    epochs = result(tmp_path / "a")["epochs"]
    run(config(tmp_path / "b", *options, *SOON, checkpoint))
    assert result(tmp_path / "b")["epochs"] == epochs
    run(config(tmp_path / "c", *options, *SOON, f"{STOPPING}.patience=9", checkpoint))
    assert result(tmp_path / "c")["epochs"] > epochs
    assert rates(tmp_path / "c")[0] == pytest.approx(1e-9)


def test_a_schedule_of_fixed_length_has_no_cool_down(tmp_path):
    onecycle = [*FEW, "model=znet_onecycle", "trainer.max_epochs=2"]
    with pytest.raises(ValueError, match=f"{STOPPING}.cooldown"):
        run(config(tmp_path, *onecycle))
    run(config(tmp_path, *onecycle, f"{STOPPING}.cooldown=0"))
    assert result(tmp_path)["epochs"] == 2


@pytest.mark.parametrize(
    "wrong",
    [{"patience": 0}, {"cooldown": -1}, {"cooldown": float("inf")}, {"patience_steps": 1.5}],
)
def test_settings_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"{STOPPING}.{next(iter(wrong))}"):
        CoolDownStopping("val/acc", "max", **{"patience": 3, **wrong})
