"""The final stage of a regression: intervals, the worst samples, the model that predicts values."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from runs import config
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from test_final import Stage

from zmodel.analysis.diagnostics.training.residuals import Residuals
from zmodel.final.estimates import Estimates, scores_of, worst
from zmodel.final.export import export_model
from zmodel.predict import load, main
from zmodel.run.build import build


def estimates(noise: float, seeds: int = 4, n: int = 300) -> list[Estimates]:
    rng = np.random.default_rng(1)
    true = rng.normal(50, 10, (n, 1))
    shared = true + noise * rng.normal(size=(n, 1))  # what all seeds miss
    every = (shared + 0.1 * noise * rng.normal(size=(n, 1)) for _ in range(seeds))
    return [Estimates(e.astype(np.float32), true.astype(np.float32), ("y",)) for e in every]


def test_scores_are_means_over_seeds_and_intervals_hold_other_samples_too():
    found = estimates(5.0)
    scores = scores_of(found)
    for name, score in (("mse", mean_squared_error), ("mae", mean_absolute_error),
                        ("r2", r2_score)):  # fmt: skip
        each = [score(e.true, e.predicted) for e in found]
        assert scores[name]["mean"] == pytest.approx(np.mean(each), rel=1e-5)
        assert scores[name]["ci"][0] < scores[name]["mean"] < scores[name]["ci"][1]
    # 300 squares of normal errors: a standard error of 25 * sqrt(2 / 300)
    low, high = scores["mse"]["ci"]
    assert (high - low) / 2 == pytest.approx(1.96 * 25 * (2 / 300) ** 0.5, rel=0.2)


def test_the_worst_samples_are_named_with_their_spread():
    true = np.array([[0.0, 5], [1, 6], [2, 9]])
    first, second = true.copy(), true.copy()
    first[1, 0], second[1, 0], first[2, 1] = 4, 6, 10
    both = [Estimates(p.astype(np.float32), true.astype(np.float32), ("a", "b"))
            for p in (first, second)]  # fmt: skip
    told = worst(both, 2)
    assert told[0] == {
        "sample": 1, "target": "a", "true": 1, "predicted": 5, "error": 4, "spread": 1,
    }  # fmt: skip
    assert (told[1]["sample"], told[1]["target"], told[1]["error"]) == (2, "b", 0.5)


def test_errors_are_told_by_the_size_of_the_target():
    true = np.arange(100.0).reshape(-1, 1)
    predicted = true + np.where(true < 50, 1.0, -3.0)
    record = Residuals(0, "val", ("y",), true, predicted)
    parts = record.error_by_size(0)
    assert [at for at, _ in parts] == [9.5, 29.5, 49.5, 69.5, 89.5]
    assert [e for _, e in parts] == pytest.approx([1, 1, 5**0.5, 3, 3])


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "diabetes.csv"
    load_diabetes(as_frame=True).frame.to_csv(path, index=False)
    return path


def test_the_exported_model_predicts_values_in_their_units(table, tmp_path, capsys):
    cfg = config(tmp_path, "data=arrays", f"data.path={table}", "task=regression",
                 "model.z_layers=1", "model.kernel_size=3")  # fmt: skip
    data, module = build(cfg, "data"), build(cfg, "model")
    data.setup("test")
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    module._trainer = SimpleNamespace(datamodule=data, strategy=strategy)
    module.setup("test")
    (tmp_path / "checkpoints").mkdir()
    torch.save({"state_dict": module.state_dict()}, tmp_path / "checkpoints" / "best.ckpt")
    x, y = data.parts["test"]
    with torch.no_grad():
        expected = module.predict_step(x).numpy()
    run = SimpleNamespace(seed=1, value=0.9, folder=tmp_path)
    predictions = Estimates(expected, y.numpy(), ("target",))
    result = SimpleNamespace(
        plan=SimpleNamespace(maximize=False, study="s"),
        winner=SimpleNamespace(runs=[run], trial=0),
        tested=[SimpleNamespace(run=run, folder=tmp_path, result={}, predictions=predictions)],
        folder=tmp_path, classes=(),
    )  # fmt: skip
    made = export_model(result, SimpleNamespace(compose=lambda *_: cfg), [])  # type: ignore[arg-type]
    differences = {name: form.get("max_abs_difference") for name, form in made["formats"].items()}
    for name in ("weights.pt", "model.torchscript", "model.pt2"):
        assert differences[name] < 1e-3
    raw = data.load_test().x
    loaded = load(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict(raw), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="The model predicts target, not classes"):
        loaded.probabilities(raw)
    np.save(tmp_path / "new.npy", raw[:3])
    assert main([str(tmp_path / "model"), str(tmp_path / "new.npy")]) == 0
    lines = capsys.readouterr().out.split()
    assert lines[0] == "target"
    assert list(map(float, lines[1:])) == pytest.approx(expected[:3, 0].tolist(), rel=1e-5)


@pytest.mark.slow
def test_a_study_of_a_regression_to_its_page(table, tmp_path):
    stage = Stage(tmp_path, ("final.top=1", "final.seeds=2"))
    stage.run("hparams_search=zlayers", "study_name=small", "data=arrays", f"data.path={table}",
              "task=regression", "trainer.max_epochs=2", "hydra.sweeper.n_jobs=0",
              "data.folds=null", "extras.threads=1", "hydra.sweeper.n_trials=3",
              "z_layers.max=2")  # fmt: skip
    output = stage.final()
    summary = stage.summary()
    scores = [t["metrics"]["test/mse"] for t in stage.results("test/*/result.json").values()]
    assert summary["score"]["metric"] == "test/mse"
    assert summary["score"]["mean"] == pytest.approx(np.mean(scores), rel=1e-5)
    assert summary["values"]["scores"]["mse"]["mean"] == pytest.approx(np.mean(scores), rel=1e-4)
    assert summary["test_acc_mean"] is None and summary["confusion_matrix"] is None
    assert len(summary["values"]["worst"]) == 10 and "Test mse of the winner" in output
    page = (stage.folder / "index.html").read_text()
    assert "Residuals" in page and "Worst samples" in page and "Confusion" not in page
    assert (stage.folder / "model" / "weights.pt").is_file()

    from zmodel import analysis

    study = analysis.load("small", log_dir=tmp_path)
    assert analysis.final(study).mean == pytest.approx(np.mean(scores), rel=1e-5)
    found = analysis.residuals(study)
    assert found.targets == ("target",) and len(found.true) == 70
    with pytest.raises(analysis.Unavailable):
        analysis.confusion(study)
    json.dumps(summary)
