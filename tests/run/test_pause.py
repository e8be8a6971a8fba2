"""A run whose trial pauses: it ends after that epoch and goes on as if it had never ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import SMALL, config, result
from trials import Trial

from zmodel.core.interrupt import Paused
from zmodel.core.running_trial import running
from zmodel.run import run
from zmodel.study.run_folder import read_metrics, set_aside

FEW = [*SMALL, "data.batch_size=300", "test=false", "trainer.max_epochs=6"]


class Pausing(Trial):
    def __init__(self, pause_at: int | None) -> None:
        super().__init__()
        self.pause_at = pause_at


def part(folder: Path, pause_at: int | None, *overrides: str) -> list[int]:
    """Run up to the pause; the epochs that were reported."""
    set_aside(folder)
    with running(Pausing(pause_at)) as trial:
        if pause_at is None:
            run(config(folder, *FEW, *overrides))
        else:
            with pytest.raises(Paused):
                run(config(folder, *FEW, *overrides))
    return [*trial.reported]


RECIPES = [
    ["model=znet_onecycle"],
    ["callbacks=cool_down", "callbacks.early_stopping.patience_steps=0",
     "callbacks.early_stopping.patience=1", "callbacks.early_stopping.cooldown=1"],
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("recipe", RECIPES, ids=["onecycle", "cool_down"])
def test_pauses_change_no_result(tmp_path, recipe):
    last = f"ckpt_path={tmp_path}/parts/checkpoints/last.ckpt"
    assert part(tmp_path / "parts", 1, *recipe) == [0]
    assert not (tmp_path / "parts" / "result.json").exists()
    assert part(tmp_path / "parts", 3, *recipe, last) == [1, 2]
    assert part(tmp_path / "parts", 3, *recipe, last) == [], "as after a crash"
    rest = part(tmp_path / "parts", None, *recipe, last)
    whole = part(tmp_path / "whole", None, *recipe)
    assert rest == whole[3:] and len(whole) > 3
    a, b = result(tmp_path / "parts"), result(tmp_path / "whole")
    for key in ("metrics", "best_metrics", "best_epoch", "epochs", "max_epochs", "stopped_early"):
        assert a[key] == b[key], key
    assert read_metrics(tmp_path / "parts") == read_metrics(tmp_path / "whole")


def test_a_run_at_its_end_does_not_pause(tmp_path):
    assert part(tmp_path, None, "trainer.max_epochs=2") == [0, 1]
    with running(Pausing(2)):
        run(config(tmp_path / "other", *FEW, "trainer.max_epochs=2"))
    assert result(tmp_path / "other")["epochs"] == 2
