"""Trials that are trained together are those that are trained alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import config, result

from zmodel.data.batches import Batches
from zmodel.fused.vector import ELEMENTWISE, ParameterVector
from zmodel.fused.worth import slower_together
from zmodel.run import run
from zmodel.sweep.together import Together
from zmodel.trial import Partner, running
from zmodel.znet import ZNet


class Trial:
    """What a study offers to a run: here a meeting place and nothing else."""

    number, pruned = 0, False

    def __init__(self, meet: Callable[[Partner], None] | None) -> None:
        self.meet = meet
        self.curve: list[float] = []

    def report(self, epoch: int, value: float) -> None:
        self.curve.append(value)

    def should_prune(self) -> bool:
        return False


def train(cfg, meet=None) -> Trial:
    with running(Trial(meet)) as trial:
        run(cfg)
    return trial


def train_together(configs) -> None:
    together = Together()
    for cfg in configs:
        together.start(partial(train, cfg, together.meet))
    while len(together):
        together.advance()


@pytest.fixture(scope="module")
def vectors(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "vectors.npz"
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = rng.normal(size=(300, 6)) + y[:, None]
    np.savez(path, x=x.astype("float32"), y=y)
    return path


@pytest.fixture
def always_together(monkeypatch) -> None:
    """Small networks on a CPU are not always worth it; whether they are is not the question."""
    monkeypatch.setattr("zmodel.fused.fusion.slower_together", lambda *of: None)


def curve(folder: Path, column: str) -> list[float]:
    rows = csv.DictReader((folder / "csv" / "metrics.csv").read_text().splitlines())
    return [float(row[column]) for row in rows if row[column]]


def close(a, b, where=""):
    """Equal up to floating-point noise, through all containers."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            close(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            close(one, other, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor) and a.dtype.is_floating_point:
        scale = max(b.abs().max().item(), 1e-3)
        assert (a - b).abs().max().item() <= 1e-4 * scale, where
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-4), where
    else:
        assert a == b, where


COMMON = ["trainer.enable_progress_bar=false", "trainer.max_epochs=10", "test=false",
          "callbacks.early_stopping.patience=100", "model=znet_onecycle", "data.batch_size=64",
          "data.val_fraction=0.8"]  # fmt: skip


def together_and_alone(folder, common, mine) -> list[tuple[Path, Path]]:
    """Folders of the same runs, trained both ways."""

    def configs(where):
        return [config(folder / where / str(i), *common, *own) for i, own in enumerate(mine)]

    train_together(configs("together"))
    for cfg in configs("alone"):
        train(cfg)
    return [(folder / "together" / str(i), folder / "alone" / str(i)) for i in range(len(mine))]


def checkpoint(folder) -> dict:
    """Of last.ckpt what is continuous or counted; which epoch is best hangs on single samples."""
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    states = content["callbacks"].values()
    content["callbacks"] = next(s["torch_rng"] for s in states if "torch_rng" in s)
    for name in [n for n in content["state_dict"] if n.startswith("best_")]:
        del content["state_dict"][name]
    return content


@pytest.mark.parametrize("kind", ["signals", "images", "vectors"])
def test_ten_epochs_are_those_of_the_trial_alone(kind, tmp_path, vectors, always_together):
    """Every number of last.ckpt (weights, statistics, optimizer, schedule, counters, random state)
    and of the curves, beside other depths, widths, rates, losses, dropout and seeds.

    A smooth activation: where a ReLU flips, noise becomes a difference. SGD with batch norm: the
    gradient of the bias before it is rounding noise alone, which Adam would blow up.
    """
    data = {
        "signals": ["data=mnist1d", "model.norm=batch", "model.optimizer._target_=torch.optim.SGD",
                    "data.augment={_target_: zmodel.data.RandomShift, max_shift: 2}"],
        "images": ["data=digits", "model.norm=layer", "model.residual=true",
                   "model.class_weights=balanced"],
        "vectors": ["data=arrays", f"data.path={vectors}", "model.norm=none", "data.batch_size=16"],
    }[kind]  # fmt: skip
    mine = [
        ["model.z_layers=2", "model.width=12", "model.dropout=0.2", "seed=1"],
        ["model.z_layers=3", "model.width=8", "model.optimizer.lr=0.003", "seed=2"],
        ["model.z_layers=3", "model.width=8", "model.label_smoothing=0.2", "model.dropout=0.1"],
    ]
    common = [*COMMON, *data, "model.optimizer.lr=0.001", "model.activation=gelu"]
    for fused, alone in together_and_alone(tmp_path, common, mine):
        assert result(fused)["fused"] == {"trials": 3.0, "reason": None}
        for column in ("train/loss", "val/loss", "lr", "step"):
            close(curve(fused, column), curve(alone, column), column)
        close(checkpoint(fused), checkpoint(alone))


def test_a_trial_that_stops_early_leaves_and_another_may_come(tmp_path, vectors, always_together):
    common = [*COMMON, "data=arrays", f"data.path={vectors}", "model.norm=none",
              "callbacks.early_stopping.patience=2"]  # fmt: skip
    slow = ["model.optimizer.lr=0", "model.z_layers=1"]  # learns nothing: ends after three epochs
    fast = ["callbacks.early_stopping.patience=100", "model.z_layers=2"]
    together = Together()
    for name, own in (("slow", slow), ("fast", fast)):
        together.start(partial(train, config(tmp_path / name, *common, *own), together.meet))
    while len(together) == 2:
        together.advance()
    assert result(tmp_path / "slow")["stopped_early"] and result(tmp_path / "slow")["epochs"] == 3
    together.start(partial(train, config(tmp_path / "late", *common, *fast), together.meet))
    while len(together):
        together.advance()
    fused = {name: result(tmp_path / name)["fused"]["trials"] for name in ("slow", "fast", "late")}
    assert fused == {"slow": 2.0, "fast": 2.0, "late": 1.7}  # seven of ten epochs were shared
    train(config(tmp_path / "alone", *common, *fast))
    close(curve(tmp_path / "fast", "val/loss"), curve(tmp_path / "alone", "val/loss"))
    close(curve(tmp_path / "late", "val/loss"), curve(tmp_path / "alone", "val/loss"))


def test_what_cannot_be_shared_is_trained_alone_and_says_why(tmp_path, vectors, always_together):
    common = [*COMMON, "data=arrays", f"data.path={vectors}", "trainer.max_epochs=2"]
    mine = [
        ["callbacks=[default,grad_norm]"],
        [
            "model.optimizer={_target_: torch.optim.Adafactor, _partial_: true}",
            "model.scheduler=null",
        ],
        ["data.batch_size=32"],
        ["data.batch_size=16"],
    ]
    reasons = ["single batches", "Adafactor", None, None]
    for (fused, alone), reason in zip(
        together_and_alone(tmp_path, common, mine), reasons, strict=True
    ):
        found = result(fused)["fused"]
        assert found["trials"] == 1
        assert found["reason"] is None if reason is None else reason in found["reason"]
        close(curve(fused, "val/loss"), curve(alone, "val/loss"))


def test_one_that_fails_fails_alone(tmp_path, vectors, monkeypatch, always_together):
    """Also where the common computation is what fails, as for lack of memory."""
    from zmodel.fused import network

    whole, tries = network.Ensemble.__call__, []

    def small(self, inputs):
        if len(self.nets) > 1 and self.layers[0].steps > 0:  # in the second step
            tries.append(len(self.nets))
            raise torch.OutOfMemoryError("too many")
        return whole(self, inputs)

    monkeypatch.setattr(network.Ensemble, "__call__", small)
    common = [*COMMON, "data=arrays", f"data.path={vectors}", "model.norm=none",
              "trainer.max_epochs=3", "model.activation=gelu", "data.batch_size=16"]  # fmt: skip
    mine = [["model.dropout=0.2"], ["model.optimizer.lr=1e20"], ["model.z_layers=1"]]
    ends = []

    def attempt(cfg):
        try:
            train(cfg, together.meet)
            ends.append("done")
        except ValueError as error:
            ends.append(str(error))

    together = Together()
    for i, own in enumerate(mine):
        together.start(partial(attempt, config(tmp_path / str(i), *common, *own)))
    while len(together):
        together.advance()
    assert tries == [3]
    assert len(ends) == 3 and "must stay finite" in ends[0] and ends[1:] == ["done", "done"]
    monkeypatch.undo()
    for i in (0, 2):
        train(config(tmp_path / f"alone{i}", *common, *mine[i]))
        close(curve(tmp_path / str(i), "val/loss"), curve(tmp_path / f"alone{i}", "val/loss"))


@pytest.mark.parametrize("kind", ELEMENTWISE, ids=lambda kind: kind.__name__)
def test_an_optimizer_on_the_vector_is_the_one_on_the_parameters(kind):
    """Also after a scheduler acted, and when it goes on with the state it is given back."""
    options = {"momentum": 0.9} if kind is torch.optim.SGD else {}

    def trained(own_steps: int) -> list[torch.Tensor]:
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)).double()
        optimizer = kind(net.parameters(), lr=0.01, weight_decay=0.1, **options)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        vector = None
        for i in range(6):
            for p in net.parameters():
                p.grad = torch.sin(p.detach() + i)
            if i < own_steps:
                optimizer.step()
            else:
                vector = vector or ParameterVector(optimizer)
                vector.step(torch.cat([p.grad.reshape(-1) for p in net.parameters()]))
                if i == 4:
                    vector.finish()
                    own_steps = 6
            scheduler.step()
        state = [v for s in optimizer.state.values() for v in s.values()]
        return [*net.parameters(), *state]

    alone = trained(own_steps=6)
    for own_steps in (0, 2):
        for a, b in zip(trained(own_steps), alone, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("shape", "options", "batch", "alone"),
    [
        ((1, 40), {"z_layers": 1, "width": 25}, 64, None),  # 64 x 25 x 20 numbers
        ((1, 40), {"z_layers": 3, "width": 25}, 128, "size"),
        ((1, 40), {"z_layers": 3, "width": 64, "norm": "batch"}, 200, None),
        ((1, 40), {"z_layers": 1, "width": 64, "norm": "batch"}, 200, "size"),
        ((1, 40), {"z_layers": 0}, 16, "dense"),
        ((64,), {"z_layers": 2, "width": 16}, 16, "dense"),
    ],
    ids=str,
)
def test_on_a_cpu_a_network_that_gains_nothing_is_trained_alone(shape, options, batch, alone):
    net = ZNet(shape, 10, **options)
    batches = Batches(torch.zeros(batch, *shape), torch.zeros(batch), batch, seed=0)
    reason = slower_together(net, batches)
    assert reason is None if alone is None else alone in reason
    assert slower_together(net.to("meta"), batches) is None  # any other device


def test_why_it_is_trained_alone_is_in_the_result(tmp_path):
    wide = [*COMMON, "data=mnist1d", "model.norm=none", "model.width=64", "trainer.max_epochs=1"]
    train_together([config(tmp_path / str(i), *wide, f"seed={i}") for i in range(2)])
    found = result(tmp_path / "1")["fused"]
    assert found["trials"] == 1 and "faster alone on a CPU" in found["reason"]
