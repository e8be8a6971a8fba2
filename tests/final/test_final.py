"""The final stage: chosen by validation, tested once, honest about both."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from zmodel.callbacks.last_weights import LastWeights
from zmodel.final import testing
from zmodel.final.choice import Candidate, Run, candidates_of, choose
from zmodel.final.gain import gain_over_baseline
from zmodel.final.job import FinalJob
from zmodel.final.plan import FinalPlan, make_plan, settle_plan
from zmodel.final.scores import (
    Predictions,
    calibration,
    mean_and_interval,
    most_confused,
    per_class,
)
from zmodel.final.stage import retrains_winner
from zmodel.final.summary import FinalResult
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.sweep.space.override_text import parser

ROOT = Path(__file__).parents[2]
OPTIONS = {"runs": 15, "candidates": 10, "confidence": 0.9, "stretch": 1,
           "one_standard_error": False, "retrain": False}  # fmt: skip
SMALL = ("data=digits", "trainer.max_epochs=2", "hydra.sweeper.n_jobs=0", "extras.threads=1")


@dataclass
class Stage:
    """A study of digits and the command of its final stage."""

    log_dir: Path
    options: tuple[str, ...] = (
        "final.top=2",
        "final.seeds=2",
        "final.stretch=2",
        "final.retrain=false",
    )

    @property
    def folder(self) -> Path:
        return self.log_dir / "studies" / "small" / "final"

    def start(self, *overrides: str) -> subprocess.Popen[str]:
        command = [sys.executable, "train.py", "-m", f"paths.log_dir={self.log_dir}", *overrides]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *overrides: str, code: int = 0) -> str:
        process = self.start(*overrides)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        return output

    def search(self) -> None:
        self.run("hparams_search=zlayers", "study_name=small", *SMALL, "hydra.sweeper.n_trials=3",
                 "model.width=int(interval(8,16))", "z_layers.max=3")  # fmt: skip

    def final(self, *overrides: str, code: int = 0) -> str:
        named = ("hparams_search=final", "study=small", "hydra.sweeper.n_jobs=0")
        return self.run(*named, *self.options, *overrides, code=code)

    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text())

    def results(self, pattern: str) -> dict[str, dict[str, Any]]:
        paths = sorted(self.folder.glob(pattern))
        return {p.parent.name: json.loads(p.read_text()) for p in paths}


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Stage:
    stage = Stage(tmp_path_factory.mktemp("final"))
    stage.search()
    stage.output = stage.final("test=true")  # type: ignore[attr-defined]
    return stage


@pytest.mark.long
def test_every_candidate_runs_with_every_new_seed_and_never_sees_the_test_set(done):
    plan = FinalPlan.read(done.folder / "plan.json")
    assert len(plan.candidates) == 2 and plan.seeds == (1, 2)  # the search used 0
    trials = done.results("trials/*/result.json")
    assert len(trials) == 4
    assert not any(key.startswith("test/") for t in trials.values() for key in t["metrics"])
    overrides = [p.read_text() for p in done.folder.glob("trials/*/.hydra/overrides.yaml")]
    for trial in plan.candidates:
        for seed in plan.seeds:
            mine = [o for o in overrides if f"- trial={trial}\n" in o and f"- seed={seed}\n" in o]
            assert len(mine) == 1
            assert all(f"- {o}\n" in mine[0] for o in plan.overrides[trial])
    # the search had 2 epochs and a patience of 8
    for run in done.folder.glob("trials/*/.hydra/config.yaml"):
        assert "max_epochs: 4\n" in run.read_text() and "patience: 16\n" in run.read_text()


@pytest.mark.long
def test_the_winner_alone_is_tested_once_per_seed(done):
    summary, plan = done.summary(), FinalPlan.read(done.folder / "plan.json")
    means = {c["trial"]: c["val_mean"] for c in summary["candidates"]}
    assert summary["winner"]["trial"] == max(means, key=lambda t: means[t])
    values = list(summary["winner"]["values"].values())
    assert means[summary["winner"]["trial"]] == pytest.approx(np.mean(values))
    tests = done.results("test/*/result.json")
    assert list(tests) == ["1", "2"]
    scores = [t["metrics"]["test/acc"] for t in tests.values()]
    assert summary["test_acc_mean"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert summary["test_acc_std"] == pytest.approx(np.std(scores, ddof=1), abs=1e-6)
    assert summary["n"] == 2 and summary["test_acc_ci"][0] < np.mean(scores)
    assert summary["score"]["metric"] == "test/acc"
    assert summary["score"]["mean"] == summary["test_acc_mean"]
    assert summary["optimism"] == pytest.approx(plan.best_of_search - np.mean(scores), abs=1e-6)
    counts = np.array(summary["confusion_matrix"]["counts"])
    assert np.trace(counts) / counts.sum() == pytest.approx(np.mean(scores), abs=1e-6)
    assert [c["class"] for c in summary["per_class"]] == [str(i) for i in range(10)]
    assert f"Test accuracy of the winner (trial {summary['winner']['trial']})" in done.output
    best = (done.folder.parent / "best.yaml").read_text()
    assert f"# trial {summary['winner']['trial']}," in best


@pytest.mark.long
def test_a_second_call_does_not_test_again(done):
    files = {p: p.stat().st_mtime_ns for p in done.folder.rglob("*") if p.is_file()}
    output = done.final()
    assert "is done" in output and f"{done.summary()['test_acc_mean']:.4f}" in output
    assert {p: p.stat().st_mtime_ns for p in files} == files


@pytest.mark.slow
def test_other_options_of_a_stage_that_has_begun_are_refused(done):
    assert "final.seeds: 2 -> 3" in done.final("final.seeds=3", code=1)


@pytest.mark.long
def test_the_page_and_what_analysis_reads(done):
    page = (done.folder / "index.html").read_text()
    for title in ("Learning curves", "Confusion matrix", "Most confused pairs", "Reliability"):
        assert title in page
    assert len(list(done.folder.glob("figures/*.png"))) == 4
    from zmodel.analysis import load
    from zmodel.analysis.diagnostics.search import final

    record = final.data(load("small", log_dir=done.log_dir))
    assert record.mean == pytest.approx(done.summary()["test_acc_mean"], abs=1e-6)
    assert record.confusion_matrix == done.summary()["confusion_matrix"]


@pytest.mark.long
def test_every_form_of_the_model_predicts_the_same(done, tmp_path):
    from zmodel.data import Digits
    from zmodel.predict import load

    summary, folder = done.summary(), done.folder / "model"
    forms = summary["model"]["formats"]
    assert {"weights.pt", "model.torchscript", "model.pt2"} <= {
        name for name, form in forms.items() if form.get("max_abs_difference", 1) < 1e-5
    }
    seed = str(summary["model"]["seed"])
    kept = Predictions.read(done.folder / "test" / seed / "predictions.npz")
    raw = Digits().load_test().x
    np.testing.assert_allclose(load(folder).probabilities(raw), kept.probabilities, atol=1e-5)
    script = torch.jit.load(str(folder / "model.torchscript"))
    with torch.no_grad():
        found = script(torch.from_numpy(raw)).numpy()
    np.testing.assert_allclose(found, kept.probabilities, atol=1e-5)


@pytest.mark.slow
def test_what_cannot_be_is_refused_before_a_run(done):
    assert "did you mean small" in done.run("hparams_search=final", "study=smal", code=1)
    assert "final.seeds" in done.run("hparams_search=final", "study=small", "seed=3", code=1)
    swept = "model.width=3,4"
    assert swept in done.run("hparams_search=final", "study=small", swept, code=1)


def candidate(trial: int, values: list[float], parameters: int, failed=()) -> Candidate:
    runs = (Run(i, v, 3 + i, parameters, Path()) for i, v in enumerate(values))
    return Candidate(trial, tuple(runs), tuple(failed))


def test_the_mean_wins_and_the_standard_error_rule_prefers_the_small():
    lucky = candidate(1, [0.99, 0.90, 0.90], 500)
    steady = candidate(2, [0.96, 0.95, 0.97], 400)
    small = candidate(3, [0.956, 0.955, 0.956], 50)
    tiny = candidate(4, [0.94, 0.95, 0.95], 5)
    broken = candidate(5, [0.99, 0.99], 1, failed=["ValueError: no"])
    everyone = [lucky, steady, small, tiny, broken]
    assert choose(everyone, maximize=True) is steady
    assert steady.standard_error == pytest.approx(0.01 / 3**0.5)
    assert choose(everyone, maximize=True, one_standard_error=True) is small
    assert choose([lucky, steady], maximize=False) is lucky
    assert steady.median_epochs == 4
    with pytest.raises(ValueError, match="ValueError: no"):
        choose([broken], maximize=True)


def test_calibration_and_scores_of_known_predictions():
    # ten samples, two classes: sure .8 and right 8 times of 10, then surer than right
    labels = np.array([0] * 8 + [1] * 2)

    def predictions(sure: float) -> Predictions:
        p = np.tile([sure, 1 - sure], (10, 1)).astype(np.float32)
        return Predictions(p, labels, ("a", "b"), np.zeros(0, int), np.zeros(0, np.float32))

    assert calibration([predictions(0.8)])["ece"] == pytest.approx(0, abs=1e-6)
    found = calibration([predictions(0.95)])
    assert found["ece"] == pytest.approx(0.15, abs=1e-6)
    assert [b["count"] for b in found["bins"]] == [0] * 14 + [10]
    counts = predictions(0.8).confusion()
    assert counts.tolist() == [[8, 0], [2, 0]]
    assert most_confused(counts, ("a", "b")) == [
        {"true": "b", "predicted": "a", "count": 2, "share": 1.0}
    ]
    first, second = per_class(counts, ("a", "b"))
    assert (first["precision"], first["recall"], first["support"]) == (0.8, 1.0, 8)
    assert (second["precision"], second["f1"]) == (0, 0)
    mean, std, interval = mean_and_interval([0.9, 0.92, 0.94])
    assert interval is not None and std == pytest.approx(0.02)
    assert interval[1] - mean == pytest.approx(4.302653 * 0.02 / 3**0.5, abs=1e-6)  # t table, 2 df
    assert mean_and_interval([0.9]) == (0.9, 0.0, None)
    assert mean_and_interval([0.99, 1.0, 0.98])[2][1] == 1.0
    assert mean_and_interval([0.0, 0.1])[2][0] == 0.0


def test_candidates_are_distinct_and_the_plan_is_kept(tmp_path):
    trials = []
    for number, (width, value) in enumerate([(8, 0.9), (9, 0.95), (9, 0.94), (7, 0.8), (6, None)]):
        folder = tmp_path / "trials" / str(number) / ".hydra"
        folder.mkdir(parents=True)
        (folder / "overrides.yaml").write_text(f"- model.width={width}\n")
        state, values = ("failed", None) if value is None else ("complete", (value,))
        trials.append(
            TrialRecord(number, state, {"model.width": width}, values, {}, None, None, {"seed": 1})
        )
    record = StudyRecord("s", ("maximize",), {}, tuple(trials), folder=tmp_path)
    options = {**OPTIONS, "top": 3, "seeds": 2}
    plan = settle_plan(record, options, tmp_path / "final")
    assert plan.candidates == (1, 0, 3) and plan.seeds == (0, 2)
    assert FinalPlan.read(tmp_path / "final" / "plan.json") == plan
    own = make_plan(record, {**options, "first_seed": 1})
    assert own.seeds == (2, 3), "from there on, without those of the trials"
    losses = {0: 0.3, 1: 0.2, 3: 0.1}
    equal = [
        replace(t, values=(1.0,), attrs={"seed": 1, "metrics": {"val/loss": losses[t.number]}})
        for t in trials
        if t.number in losses
    ]
    tied = make_plan(replace(record, trials=tuple(equal)), options)
    assert tied.candidates == (3, 1, 0)
    (tmp_path / "final" / "trials").mkdir()  # from the first run on it holds
    grown = StudyRecord("s", ("maximize",), {}, tuple(trials[:1]), folder=tmp_path)
    assert settle_plan(grown, options, tmp_path / "final") == plan
    with pytest.raises(ValueError, match="final.top: 3 -> 1"):
        settle_plan(record, {**options, "top": 1}, tmp_path / "final")
    with pytest.raises(ValueError, match="final.seeds"):
        settle_plan(record, {**options, "seeds": 0}, tmp_path / "new")


def test_the_baseline_is_a_candidate_whatever_its_rank(tmp_path):
    trials = []
    for number, width in enumerate([8, 9, 7, 8]):
        folder = tmp_path / "trials" / str(number) / ".hydra"
        folder.mkdir(parents=True)
        (folder / "overrides.yaml").write_text(f"- model.width={width}\n")
        attrs = {"seed": 1, "baseline": number == 0}
        params, value = {"model.width": width}, (0.5 + number / 10,)
        trials.append(TrialRecord(number, "complete", params, value, {}, None, None, attrs))
    options = {**OPTIONS, "top": 1, "seeds": 2}
    study = StudyRecord("s", ("maximize",), {}, tuple(trials[:3]), folder=tmp_path)
    plan = settle_plan(study, options, tmp_path / "final")
    assert (plan.candidates, plan.baseline) == ((2, 0), 0)
    repeated = StudyRecord("s", ("maximize",), {}, tuple(trials), folder=tmp_path)
    plan = settle_plan(repeated, options, tmp_path / "again")
    assert (plan.candidates, plan.baseline) == ((3,), 3)


def ran(trial, *values, failed=()):
    runs = (Run(seed, value, 1, 10, Path(), 1) for seed, value in enumerate(values))
    return Candidate(trial, tuple(runs), failed)


def test_the_gain_over_the_baseline_is_paired_by_seed():
    own, best, other = ran(0, 0.5, 0.7), ran(4, 0.61, 0.79), ran(2, 0.6, 0.7)
    gain = gain_over_baseline([best, other, own], 0, maximize=True)
    assert gain is not None and (gain.trial, gain.n) == (4, 2)
    assert gain.mean == pytest.approx(0.1)
    # .01 between the two differences and their mean; Student's t with one degree of freedom
    assert gain.interval == pytest.approx((0.1 - 12.7062 * 0.01, 0.1 + 12.7062 * 0.01), abs=1e-5)
    less = gain_over_baseline([best, own], 0, maximize=False)
    assert less is not None and less.mean == pytest.approx(-0.1)
    assert gain_over_baseline([best, own], None, maximize=True) is None
    assert gain_over_baseline([own], 0, maximize=True) is None
    assert gain_over_baseline([best, ran(0, 0.5, failed=("x",))], 0, maximize=True) is None


@pytest.mark.parametrize(
    ("result", "epochs", "folds"),
    [
        ({"epochs": 30, "best_epoch": 11}, 12, 1),
        ({"epochs": 30, "best_epoch": 11, "cooled_from": 24}, 30, 1),
        ({"folds": [{"epochs": 20, "best_epoch": 3}, {"epochs": 20, "best_epoch": 7}]}, 6, 2),
        ({"folds": [{"epochs": n, "best_epoch": 3, "cooled_from": 9} for n in (20, 26)]}, 23, 2),
    ],
)
def test_how_long_a_retraining_takes(tmp_path, result, epochs, folds):
    run = tmp_path / "trials" / "0"
    run.mkdir(parents=True)
    (run / "result.json").write_text(json.dumps(result))
    params = {"trial": 7, "seed": 1}
    ended = TrialRecord(0, "complete", params, (0.9,), {}, None, None, {"parameters": 5, **result})
    (found,) = candidates_of([ended], tmp_path, ())
    assert (found.median_epochs, found.runs[0].folds) == (epochs, folds)
    assert found.cross_validated == (folds > 1)


@pytest.mark.parametrize(
    ("option", "folds", "cooled", "able", "retrains"),
    [
        ("auto", 1, (True, True), True, True),
        ("auto", 1, (True, False), True, False),  # the last weights of one are not its best
        ("auto", 1, (True, True), False, False),  # data of somebody else
        (True, 1, (False, False), False, True),
        (False, 1, (True, True), True, False),
        (False, 5, (False, False), False, True),  # folds leave no network
    ],
)
def test_who_is_trained_on_all_samples(option, folds, cooled, able, retrains):
    runs = [Run(i, 0.9, 20, 5, Path(), folds, c) for i, c in enumerate(cooled)]
    job = SimpleNamespace(trains_on_all=lambda trial, arguments: able)
    winner = Candidate(3, tuple(runs))
    assert retrains_winner(option, winner, job, ()) is retrains  # type: ignore[arg-type]


def test_a_retraining_keeps_its_last_weights():
    keeper = LastWeights("nowhere", monitor="val/acc", mode="max")
    for epoch, value in enumerate((0.5, 0.9, 0.7)):
        net = torch.nn.Linear(1, 1)
        trainer = SimpleNamespace(
            sanity_checking=False, state=SimpleNamespace(fn="fit"), current_epoch=epoch,
            callback_metrics={"val/acc": value}, world_size=1,
        )  # fmt: skip
        keeper.on_validation_end(trainer, net)  # type: ignore[arg-type]
    assert keeper.best_epoch == 2
    assert torch.equal(keeper.best_weights["weight"], net.weight)  # type: ignore[index]


@pytest.mark.slow
def test_interrupted_it_goes_on_and_retrains_on_everything(tmp_path):
    stage = Stage(tmp_path, ("final.top=2", "final.seeds=2", "final.retrain=true",
                             "final.one_standard_error=true"))  # fmt: skip
    stage.search()
    workers = "hydra.sweeper.n_jobs=2"
    process = stage.start("hparams_search=final", "study=small", *stage.options, workers)
    end = time.monotonic() + 120
    while not list(stage.folder.glob("trials/*/csv")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    if process.returncode:  # unless it was quicker than the signal
        assert process.returncode == 130 and "To continue" in output, output
        assert not (stage.folder / "test").exists()
    stage.run("hparams_search=final", "study=small", *stage.options, workers)
    summary = stage.summary()
    assert 1 <= summary["winner"]["retrained_epochs"] <= 2 * 2  # of a trial, final.stretch
    retrained = stage.results("retrained/trials/*/result.json")
    tests = stage.results("test/*/result.json")
    assert len(tests) == 2
    weights = {r["checkpoint"] for r in retrained.values()}
    assert {t["checkpoint"] for t in tests.values()} == weights
    configs = [p.read_text() for p in stage.folder.glob("retrained/trials/*/.hydra/config.yaml")]
    assert configs and all("train_on_all: true" in c for c in configs)
    for path in stage.folder.glob("retrained/trials/*/checkpoints/best.ckpt"):
        last = summary["winner"]["retrained_epochs"] - 1
        assert torch.load(path, weights_only=True)["epoch"] == last


@pytest.mark.slow
def test_onnx_predicts_the_same(tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    stage = Stage(tmp_path, ("final.top=1", "final.seeds=1"))
    stage.search()
    stage.final()
    assert stage.summary()["model"]["formats"]["model.onnx"]["max_abs_difference"] < 1e-5


def test_a_study_named_in_any_script_is_named_in_quotes():
    context = SimpleNamespace(config_loader=None)
    job = FinalJob(context, None, None, study="größe", overrides={1: ("a=1",)})
    parsed = parser().parse_overrides(job.expanded(["trial=1"]))
    assert {o.key_or_group: o.value() for o in parsed}["from_study"] == "größe"


@pytest.mark.parametrize(
    ("metric", "maximize", "told"),
    [
        ("val/acc_best", True, ("test/acc", 0.5)),
        ("val/f1_best", True, ("test/f1", 0.4)),  # what classes of unequal size are searched by
        ("val/loss_best", False, ("test/acc", 0.5)),
        ("val/auc", True, ("test/acc", 0.5)),  # no test logs it
    ],
)
def test_the_test_is_told_by_what_the_search_optimised(tmp_path, metric, maximize, told):
    none = np.zeros(0)
    p = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    predictions = Predictions(p, np.array([0, 0]), ("a", "b"), none, none)
    logged = {"metrics": {"test/acc": 0.5, "test/f1": 0.4, "test/loss": 3.0}}
    run = Run(1, 0.9, 3, 5, tmp_path)
    plan = SimpleNamespace(metric=metric, maximize=maximize, best_of_search=0.9)
    tested = (testing.Tested(run, tmp_path, logged, predictions),)
    result = FinalResult(plan, (), candidate(1, [0.9], 5), tested, (), tmp_path)  # type: ignore[arg-type]
    score = result.score()
    assert score is not None and (score["metric"], score["mean"]) == told
