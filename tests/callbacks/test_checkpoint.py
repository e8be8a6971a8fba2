"""Which epoch's weights are kept."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from zmodel.callbacks import BestAndLast


class Plain(nn.Module):
    """One weight that says from which epoch it is."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = nn.Parameter(torch.zeros(1))


def keeper_of(epochs: list[tuple[float, float]], tmp_path, mode="max", **given: Any) -> BestAndLast:
    """After epochs with these values of the metric and of the loss."""
    keeper, module = BestAndLast(str(tmp_path), "val/acc", mode, **given), Plain()
    for epoch, (value, loss) in enumerate(epochs):
        logged = {"val/acc": torch.tensor(value), "val/loss": torch.tensor(loss)}
        trainer: Any = SimpleNamespace(callback_metrics=logged, current_epoch=epoch, world_size=1)
        module.epoch.data.fill_(epoch)
        keeper.observe(trainer, module, value)
    assert keeper.best_weights is not None
    assert keeper.best_weights["epoch"] == keeper.best_epoch
    assert keeper.best_metrics["val/acc"] == keeper.best_score
    return keeper


@pytest.mark.parametrize("mode", ["max", "min"])
def test_of_equal_epochs_the_one_with_the_lowest_loss_is_kept(tmp_path, mode):
    sign = 1 if mode == "max" else -1
    course = [(0.5, 2.0), (0.75, 1.0), (0.75, 0.5), (0.75, 0.5), (0.75, 0.75), (0.5, 0.25)]
    epochs = [(sign * value, loss) for value, loss in course]
    assert keeper_of(epochs, tmp_path, mode).best_epoch == 2
    assert keeper_of(epochs, tmp_path, mode, loss=None).best_epoch == 1
    assert keeper_of(epochs, tmp_path, mode, loss="val/other").best_epoch == 1
    # a better value counts, whatever its loss
    assert keeper_of([*epochs, (sign * 1.0, 9.0)], tmp_path, mode).best_epoch == 6


def test_what_is_no_number_decides_nothing(tmp_path):
    nan = float("nan")
    assert keeper_of([(0.75, 1.0), (0.75, nan), (nan, 0.5)], tmp_path).best_epoch == 0
    assert keeper_of([(0.75, nan), (0.75, 1.0)], tmp_path).best_epoch == 1
    # a first epoch that is none is not the best for ever
    assert keeper_of([(nan, nan), (nan, nan), (0.25, 1.0), (0.25, 2.0)], tmp_path).best_epoch == 2


def test_processes_keep_the_same_epoch_though_they_saw_different_losses(tmp_path):
    """A module that logs without `sync_dist`: the other process has seen a lower loss."""
    keeper, module = BestAndLast(str(tmp_path), "val/acc", "max"), Plain()
    asked: list[bool] = []

    def any_of_two(here: bool, all: bool) -> bool:
        asked.append(here)
        return True

    for epoch, loss in enumerate([1.0, 2.0]):
        trainer: Any = SimpleNamespace(
            callback_metrics={"val/loss": torch.tensor(loss)}, current_epoch=epoch, world_size=2,
            strategy=SimpleNamespace(reduce_boolean_decision=any_of_two),
        )  # fmt: skip
        keeper.observe(trainer, module, 0.5)
    assert asked == [True, False] and keeper.best_epoch == 1
