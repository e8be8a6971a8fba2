"""Cross-validation: what the folds are, what a run makes of them, and that it goes on in them."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from runs import SMALL, config, result
from trials import Trial

from zmodel.core.interrupt import Interrupted, stop
from zmodel.core.running_trial import running
from zmodel.data import ArrayFile, Digits
from zmodel.data.drawn_split import fold_split
from zmodel.run import run
from zmodel.run.merged_folds import merged
from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parents[2]
FOLDS = [*SMALL, "data.folds=3", "trainer.max_epochs=2", "model.dropout=0.1"]


def test_every_sample_is_validated_once_in_parts_alike():
    y = np.array([0] * 9 + [1] * 30 + [2] * 61)
    seen = [fold_split(y, None, 3, fold, seed=1) for fold in range(3)]
    assert sorted(np.concatenate([val for _, val in seen])) == list(range(100))
    for rest, val in seen:
        assert sorted([*rest, *val]) == list(range(100))
        assert np.bincount(y[val]).tolist() in ([3, 10, 20], [3, 10, 21])
    assert not np.array_equal(seen[0][1], fold_split(y, None, 3, 0, seed=2)[1])
    groups = np.arange(100) // 4
    for rest, val in (fold_split(y, groups, 4, fold, seed=0) for fold in range(4)):
        assert not set(groups[rest]) & set(groups[val])
    with pytest.raises(ValueError, match="data.folds=10 .*9 of class 0"):
        fold_split(y, None, 10, 0, seed=0)
    with pytest.raises(ValueError, match="data.folds=10 .*groups.* 4"):
        fold_split(y, groups % 4, 10, 0, seed=0)


@pytest.mark.parametrize(
    ("n", "names", "folds"),
    [
        (700, {}, None),
        (60, {}, 5),
        (60, {"group_column": "g"}, 2),  # one is the test
        (60, {"part_column": "part"}, None),
        (8, {}, 3),  # of three samples of a class
        (4, {}, None),
    ],
)
def test_folds_that_fit_the_size(tmp_path, n, names, folds):
    path = tmp_path / "a.npz"
    y, g = np.arange(n) % 2, np.arange(n) % 3
    part = np.where(np.arange(n) < n // 2, "train", "val")
    arrays = {"g": g, "part": part}
    np.savez(path, x=np.random.rand(n, 3), y=y, **{k: arrays[k] for k in names.values()})
    data = ArrayFile(path, folds="auto", test_fraction=0.2, **names)
    assert data.fitting_folds() == folds


def test_a_run_settles_how_many_folds_it_needs(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.random.rand(60, 3), y=np.arange(60) % 2)
    few = [f"data.path={tmp_path / 'a.npz'}", "data.folds=auto", "trainer.max_epochs=1"]
    small = ["data=arrays", "trainer.enable_progress_bar=false", "test=false"]
    run(config(tmp_path, *small, *few))
    assert len(result(tmp_path)["folds"]) == 5


def test_groups_of_a_file_are_kept_and_given_parts_refused(tmp_path):
    rng = np.random.default_rng(0)
    x, y, g = rng.normal(size=(90, 3)), np.arange(90) % 2, np.arange(90) // 3
    x[:, 0] = g
    np.savez(tmp_path / "a.npz", x=x, y=y, g=g)
    data = ArrayFile(tmp_path / "a.npz", group_column="g", folds=4, fold=1, normalize=False)
    train, val = (set(data.samples_of(part)[0][:, 0].tolist()) for part in ("train", "val"))
    assert len(val) in (5, 6, 7) and not train & val
    parts = np.where(np.arange(90) < 60, "train", "val")
    np.savez(tmp_path / "b.npz", x=x, y=y, part=parts)
    with pytest.raises(ValueError, match="data.folds=4 "):
        ArrayFile(tmp_path / "b.npz", part_column="part", folds=4).setup("fit")
    with pytest.raises(ValueError, match="data.train_on_all"):
        Digits(folds=4, train_on_all=True)


def test_a_run_is_the_mean_of_its_folds_and_tests_at_the_end(tmp_path, monkeypatch):
    order = []
    load_test, step = Digits.load_test, torch.optim.Adam.step
    monkeypatch.setattr(Digits, "load_test", lambda self: order.append("test") or load_test(self))
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda *a, **k: order.append("step") or step(*a, **k)
    )
    with running(Trial()) as trial:
        value = run(config(tmp_path, *FOLDS))
    found = result(tmp_path)
    each = [fold["metrics"] for fold in found["folds"]]
    assert trial.folds == 3
    assert len(each) == 3 and order.index("test") > max(
        i for i, o in enumerate(order) if o != "test"
    )
    assert found["metrics"]["test/acc"] == pytest.approx(np.mean([m["test/acc"] for m in each]))
    assert len({m["test/acc"] for m in each}) > 1
    curves = np.array([curve_of(tmp_path / "folds" / str(i)) for i in range(3)])
    told = [course["curves"] for course in courses(tmp_path)]
    assert [set(each) for each in told] == 3 * [{"val/acc", "val/f1", "val/loss"}]
    np.testing.assert_allclose([[*each["val/acc"].values()] for each in told], curves)
    best = [curves[: i + 1].mean(0).max() for i in range(3)]
    assert value == found["metrics"]["val/acc_best"] == trial.reported[2]
    assert trial.reported == {i: pytest.approx(best[i]) for i in range(3)}
    assert found["best_epoch"] == curves.mean(0).argmax()
    assert found["best_metrics"]["val/acc"] == pytest.approx(value)
    assert all("course" not in fold for fold in found["folds"])
    assert (found["epochs"], found["max_epochs"], found["checkpoint"]) == (6, 6, None)
    assert np.sum(found["confusion_matrix"]["counts"]) == 1438  # all that is not for the test
    assert found["never_learned"] is False
    assert found["validated"] == sum(part["validated"] for part in found["folds"])
    assert (tmp_path / "folds" / "2" / "csv" / "metrics.csv").is_file()


def curve_of(folder: Path) -> list[float]:
    with (folder / "csv" / "metrics.csv").open() as file:
        return [float(row["val/acc"]) for row in csv.DictReader(file) if row["val/acc"]]


def fold(curve: list[float]) -> dict[str, Any]:
    """The result of a fold with these validation accuracies, its best epoch the best of its own."""
    best = int(np.argmax(curve))
    return {
        "metrics": {"val/acc": curve[-1], "val/acc_best": curve[best], "train/loss": 1.0},
        "best_metrics": {"val/acc": curve[best], "train/loss": float(best)},
        "best_epoch": best,
        "epochs": len(curve),
        "max_epochs": 9,
        "stopped_early": True,
        "course": {"curves": {"val/acc": dict(enumerate(curve))}, "kept_by": ["val/acc", "max"]},
    }


def test_what_is_best_is_the_best_of_the_mean_curve():
    # each fold is right about all its samples once; together they never are
    folds = [fold([1.0, 0.5, 0.75]), fold([0.5, 1.0, 0.5, 0.875])]
    found = merged(folds)
    # the first fold stays at 0.75 after its end
    assert found["metrics"]["val/acc_best"] == found["best_metrics"]["val/acc"] == 0.8125
    assert (found["best_epoch"], found["epochs"], found["max_epochs"]) == (3, 7, 18)
    assert found["metrics"]["val/acc"] == 0.8125 and found["best_metrics"]["train/loss"] == 0.5
    # of a loss the smallest
    for part, losses in zip(folds, ([3.0, 1.0, 2.0], [1.0, 3.0, 1.5]), strict=True):
        part["course"]["curves"]["val/loss"] = dict(enumerate(losses))
        part["metrics"]["val/loss_best"] = 1.0
    assert merged(folds)["metrics"]["val/loss_best"] == 1.75
    # of epochs that are equally good the one with the lower loss
    for part in folds:
        part["course"]["curves"]["val/acc"] = dict.fromkeys(range(3), 0.75)
        part["course"]["kept_by"] = ["val/acc", "max", "val/loss"]
    assert merged(folds)["best_epoch"] == 2 and merged(folds)["metrics"]["val/acc_best"] == 0.75
    # also where single precision tells them apart: twice .7, and .8 and .6
    for part, curve in zip(folds, ([0.7, 0.8], [0.7, 0.6]), strict=True):
        part["course"]["curves"]["val/acc"] = dict(enumerate(np.float32(curve).tolist()))
        part["course"]["curves"]["val/loss"] = {0: 2.0, 1: 1.0}
    assert merged(folds)["best_epoch"] == 1 and merged(folds)["metrics"]["val/acc_best"] == 0.7
    part["course"]["curves"]["val/loss"] = {0: 2.0, 1: 4.0}
    assert merged(folds)["best_epoch"] == 0
    folds = [fold([1.0, 0.5, 0.75]), fold([0.5, 1.0, 0.5, 0.875])]
    # an epoch in which a fold diverged is not the best, and a fold of an older version has no curve
    folds[0]["course"]["curves"]["val/acc"][0] = math.nan
    assert merged(folds)["metrics"]["val/acc_best"] == 0.8125
    del folds[0]["course"]
    assert merged(folds)["metrics"]["val/acc_best"] == 1.0


def courses(folder: Path) -> list[Any]:
    last = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return [fold["course"] for fold in last["folds"]]


@pytest.mark.long
def test_an_interrupted_run_goes_on_in_the_fold_it_was_in(tmp_path):
    run(config(tmp_path / "whole", *FOLDS))
    with pytest.raises(Interrupted) as stopped, running(Trial(stop_after=1)):
        run(config(tmp_path / "part", *FOLDS))
    stop.clear()
    last = torch.load(stopped.value.checkpoint, weights_only=True)
    assert len(last["folds"]) == 1 and last["epoch"] == 0
    run(config(tmp_path / "rest", *FOLDS, f"ckpt_path={stopped.value.checkpoint}"))
    torch.save({"folds": last["folds"]}, tmp_path / "between.ckpt")  # killed between two folds
    run(config(tmp_path / "next", *FOLDS, f"ckpt_path={tmp_path / 'between.ckpt'}"))
    whole = result(tmp_path / "whole")
    for name in ("rest", "next"):
        found = result(tmp_path / name)
        assert found["metrics"] == whole["metrics"] and found["epochs"] == whole["epochs"]
        assert courses(tmp_path / name) == courses(tmp_path / "whole")


def test_a_pruned_run_ends_after_its_fold_and_is_not_tested(tmp_path):
    with running(Trial(prune_after=2)) as trial:
        run(config(tmp_path, *FOLDS))
    found = result(tmp_path)
    assert trial.pruned and found["pruned"] and len(found["folds"]) == 2
    assert "test/acc" not in found["metrics"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train=false", f"ckpt_path={__file__}"], "data.folds needs train=true"),
        (["callbacks=none"], "needs callbacks.checkpoint"),
        (["data.folds=1"], "data.folds .*at least 2"),
        (["data.folds=500"], "data.folds=500 .*samples"),
    ],
)
def test_what_cannot_work(tmp_path, overrides, words):
    with pytest.raises(ValueError, match=words):
        run(config(tmp_path, *FOLDS, *overrides))


def test_a_checkpoint_of_a_run_without_folds_is_refused(tmp_path):
    run(config(tmp_path, *SMALL, "trainer.max_epochs=1", "test=false"))
    with pytest.raises(ValueError, match="of a run with data.folds"):
        run(config(tmp_path, *FOLDS, f"ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"))


@pytest.mark.slow
def test_a_study_of_folds(tmp_path):
    overrides = ["hparams_search=random", "data=digits", "data.folds=2", "trainer.max_epochs=1"]
    overrides += ["hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=0", f"paths.log_dir={tmp_path}"]
    overrides += ["hydra.sweeper.preflight=null"]
    command = [sys.executable, "train.py", "-m", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "studies" / "random"
    storage = open_storage(str(folder / "study.journal"), read_only=True)
    for trial in optuna.load_study(study_name="random", storage=storage).trials:
        found = json.loads((folder / "trials" / str(trial.number) / "result.json").read_text())
        assert trial.value == found["metrics"]["val/acc_best"] == trial.intermediate_values[1]
        assert len(trial.intermediate_values) == len(found["folds"]) == 2
