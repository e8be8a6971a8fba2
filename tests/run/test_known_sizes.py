"""What is known of a run before it is trained."""

from __future__ import annotations

import pytest

from tests.support.runs import SMALL, config
from zmodel.run.build import build
from zmodel.run.sizes import sizes

FLOAT = 4
BOTH = ("parameters", "memory")
SGD = ("model.optimizer={_target_: torch.optim.SGD, _partial_: true, lr: 0.1}",)


@pytest.mark.parametrize("z_layers", [0, 3])
def test_parameters_are_those_that_a_run_trains(tmp_path, z_layers):
    cfg = config(tmp_path, *SMALL, f"model.z_layers={z_layers}", "model.norm=batch")
    network = build(cfg, "model").make_network(input_shape=(1, 8, 8), num_classes=10)
    assert sizes(cfg, BOTH)["parameters"] == sum(p.numel() for p in network.parameters())
    assert sizes(cfg, ["val/loss"]) == {}


def test_memory_is_weights_gradients_optimizer_and_what_the_backward_pass_needs(tmp_path):
    """One linear layer: 64 inputs, 10 classes; its weight gradient needs the batch."""
    linear = (*SMALL, "model.z_layers=0", "data.batch_size=50")
    weights, batch = 650 * FLOAT, 50 * 64 * FLOAT
    plain = sizes(config(tmp_path, *linear, *SGD), BOTH)["memory"]
    assert plain == 2 * weights + batch
    adam = sizes(config(tmp_path, *linear), BOTH)["memory"]
    assert adam == plain + 2 * weights + 2 * FLOAT  # two moments, and a step count per tensor
    whole = sizes(config(tmp_path, *linear, *SGD, "data.batch_size=100000"), BOTH)["memory"]
    assert whole < 2 * weights + 100_000 * 64 * FLOAT  # no batch is larger than the data


def test_deeper_wider_and_more_samples_take_more(tmp_path):
    def memory(*overrides: str) -> float:
        return sizes(config(tmp_path, *SMALL, *overrides), ["memory"])["memory"]

    usual = memory("model.z_layers=2")
    assert memory("model.z_layers=2", "model.width=50") > usual
    assert memory("model.z_layers=2", "data.batch_size=200") > usual
    assert memory("model.z_layers=2", "model.dropout=0.1") > usual


def test_a_network_of_a_billion_weights_is_only_counted(tmp_path):
    huge = ("model.width=20000", "model.z_layers=3", "+model.max_parameters=10000000000")
    assert sizes(config(tmp_path, *SMALL, *huge), BOTH)["memory"] > 4 * FLOAT * 1e9
