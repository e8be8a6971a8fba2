"""What a run says of itself: its last line, and its row among other runs."""

from __future__ import annotations

from types import SimpleNamespace

from hydra.core.hydra_config import HydraConfig
from runs import SMALL, config

from zmodel.core.running_trial import running
from zmodel.run.hyperparameters import judged_by, run_label, searched
from zmodel.run.outcome import outcome


def test_what_came_out_is_said_in_one_line():
    result = {"metrics": {"val/acc_best": 0.97221, "test/acc": 0.9}, "best_epoch": 12, "epochs": 23,
              "stopped_early": True}  # fmt: skip
    said = "val/acc_best 0.9722  test/acc 0.9  (epoch 13 of 23, stopped early)"
    assert outcome(result, ["val/acc_best"]) == said
    folds = {**result, "folds": [{}, {}], "stopped_early": False}
    assert outcome(folds, ["val/acc_best"]).endswith("(mean of 2 folds, 23 epochs in all)")
    tested = {"metrics": {"test/acc": 0.9}, "best_epoch": None, "epochs": 0, "stopped_early": False}
    assert outcome(tested, ["val/acc_best"]) == "test/acc 0.9  (0 epochs)"


def test_a_row_names_the_run_and_its_study_and_has_what_was_searched(tmp_path, monkeypatch):
    cfg = config(tmp_path / "studies" / "deep" / "trials" / "7", *SMALL, "run_name=trial-7")
    cfg.paths.log_dir = str(tmp_path)
    assert run_label(cfg) == "trial-7 of deep"
    cfg.run_name = None
    assert run_label(cfg) == "7 of deep"
    params = {"model.z_layers": 3}
    with running(SimpleNamespace(params=params)):
        assert searched(cfg) == params
    assert searched(cfg) == {"seed": cfg.seed}
    words = ["paths.log_dir=x", "extras.threads=1", "model.width=8"]
    monkeypatch.setattr(HydraConfig, "initialized", lambda: True)
    task = SimpleNamespace(overrides=SimpleNamespace(task=words))
    monkeypatch.setattr(HydraConfig, "get", lambda: task)
    assert list(searched(cfg)) == ["model.width"], "folders and threads are no hyperparameters"
    logged = {"val/acc_best": 0.9, "val/acc": 0.8, "test/acc": 0.7, "train/loss": 0.1}
    assert judged_by(cfg, logged) == {"val/acc_best": 0.9, "test/acc": 0.7}
