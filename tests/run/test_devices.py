"""What GPUs need, as far as a CPU can show it: autocast and compiling. On one: test_gpu.py."""

from __future__ import annotations

import shutil

import pytest
import torch
from runs import SMALL, config, result

from zmodel.run import run


@pytest.mark.long
def test_autocast_trains_with_losses_in_full_precision(tmp_path):
    balanced = [*SMALL, "trainer.max_epochs=4", "model.class_weights=balanced"]
    seen = []
    cross_entropy = torch.nn.functional.cross_entropy

    def watched(logits, *args, **kwargs):
        seen.append((logits.dtype, torch.is_autocast_enabled("cpu")))
        return cross_entropy(logits, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zmodel.model.classifier.F.cross_entropy", watched)
        run(config(tmp_path / "half", *balanced, "trainer.precision=bf16-mixed"))
    run(config(tmp_path / "full", *balanced))
    assert set(seen) == {(torch.float32, True)}
    half, full = (result(tmp_path / name)["metrics"]["val/acc_best"] for name in ("half", "full"))
    assert half == pytest.approx(full, abs=0.05) and half > 0.8


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling needs a C++ compiler")
def test_a_compiled_network_computes_the_same(tmp_path):
    command = [*SMALL, "trainer.max_epochs=1", "test=false"]
    for name in ("true", "false"):
        run(config(tmp_path / name, *command, f"model.compile={name}"))
    losses = [result(tmp_path / name)["metrics"]["val/loss"] for name in ("true", "false")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
