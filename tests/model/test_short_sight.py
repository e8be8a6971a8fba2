"""Networks that see far less than a sample at once say so; those of shipped data never do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from runs import config, result
from trials import Trial

from zmodel.core.running_trial import running, withheld, within_trial
from zmodel.model.znet import ZNet
from zmodel.run import run


def receptive_field(net: ZNet, length: int) -> int:
    """Positions of the input on which the middle one of the last layer depends, measured."""
    x = torch.randn(1, 1, length, requires_grad=True)
    out = net.eval().layers(x)
    out[0, :, out.shape[-1] // 2].sum().backward()
    found = x.grad[0, 0].nonzero().flatten()
    return int(found.max() - found.min()) + 1


@pytest.mark.parametrize("block", ["conv", "residual"])
@pytest.mark.parametrize(("kernel", "layers", "stride"), [([5, 3, 3], 3, 2), (3, 2, 1), (7, 1, 2)])
def test_the_field_is_that_of_the_gradient_and_what_is_advised_is_enough(
    block, kernel, layers, stride
):
    made = {"z_layers": layers, "block": block, "stride": stride, "activation": "elu"}
    shape = {"input_shape": (1, 4000), "num_classes": 2}
    net = ZNet(**shape, kernel_size=kernel, pool="mean", **made)
    field, length = map(int, re.findall(r"see (\d+) of (\d+) positions", net.warning)[0])
    assert (field, length) == (receptive_field(net, 4000), 4000)
    advised = int(re.findall(r"kernel_size=(\d+)", net.warning)[0])
    better = ZNet(**shape, kernel_size=advised, pool="mean", **made)
    nearly = ZNet(**shape, kernel_size=advised - 2, pool="mean", **made)
    assert receptive_field(better, 4000) >= 400 > receptive_field(nearly, 4000)
    assert better.warning is None
    assert ZNet(**shape, kernel_size=kernel, pool="flatten", **made).warning is None


@pytest.mark.parametrize("shape", [(1, 40), (64,), (1, 8, 8), (3, 32, 32), (3, 224, 224), (1, 427)])
@pytest.mark.parametrize("block", ["conv", "residual"])
@pytest.mark.parametrize("z_layers", [0, 2, 3, 5])
def test_no_false_alarm(shape, block, z_layers):
    net = ZNet(shape, 10, z_layers, width=2, kernel_size=[5, 3, 3], pool="auto", block=block)
    assert net.warning is None


@pytest.mark.parametrize("block", ["gru", "attention"])
def test_what_reads_the_whole_series_is_not_short_sighted(block):
    assert ZNet((1, 4000), 2, 1, 4, pool="mean", block=block, stride=64).warning is None


@pytest.mark.long
def test_a_run_warns_once_and_a_trial_never(tmp_path, caplog):
    x = np.random.default_rng(0).normal(size=(60, 1, 900))
    np.savez(tmp_path / "long.npz", x=x, y=np.arange(60) % 2)
    said = "17 of 900 positions"
    words = [
        "data=arrays", f"data.path={tmp_path / 'long.npz'}", "model.width=2", "test=false",
        "trainer.max_epochs=1", "trainer.enable_progress_bar=false", "data.folds=3",
    ]  # fmt: skip
    run(config(tmp_path / "a", *words))
    assert caplog.text.count(said) == 1 and said in result(tmp_path / "a")["warning"]
    caplog.clear()
    with running(Trial()):
        run(config(tmp_path / "b", *words))
    assert said not in caplog.text


def test_code_knows_that_it_is_within_a_trial():
    assert not within_trial()
    with running(object()), withheld():
        assert within_trial()
    assert not within_trial()
