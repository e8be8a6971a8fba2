"""Verdicts about the best trial: against the baseline, against chance, against the others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import IntDistribution

from zmodel import analysis
from zmodel.analysis.diagnostics.search import baseline
from zmodel.analysis.findings import Findings
from zmodel.analysis.headline import headline
from zmodel.analysis.page.best_card import facts
from zmodel.analysis.page.terminal import overview
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics import noise
from zmodel.analysis.statistics.between_seeds import between_seeds
from zmodel.analysis.statistics.noise import Validation, alike, standard_error, validation_of
from zmodel.analysis.summary import summarize
from zmodel.study.records import StudyRecord, TrialRecord

DEPTH = "model.z_layers"
SPACE = {DEPTH: IntDistribution(1, 4)}


def study_of(values: list[float], folder: Path | None = None, **first: object) -> StudyRecord:
    """Completed trials with these values of an accuracy; `first`: attributes of the first."""
    trials = tuple(
        TrialRecord(i, "complete", {DEPTH: 1 + i % 4}, (v,), {}, None, None, first if not i else {})
        for i, v in enumerate(values)
    )
    attrs = {"optimized_metric": ["val/acc_best"], "command": "python train.py -m study_name=s"}
    return StudyRecord("s", ("maximize",), SPACE, trials, attrs=attrs, folder=folder)


def found(study: StudyRecord, code: str) -> Verdict | None:
    return next((v for v in analysis.judge(study) if v.code == code), None)


def test_a_search_that_does_not_beat_its_baseline_is_told():
    rest = [0.8 - 0.01 * i for i in range(12)]
    worse = found(study_of([0.85, *rest], baseline=True), "worse_than_baseline")
    assert worse is not None and worse.severity == "note", "the baseline is the best: it stays"
    assert "(trial 0, the baseline)" in headline(
        Findings(study_of([0.85, *rest], baseline=True)), []
    )
    assert worse.action == "python train.py -m hparams_search=final study=s"
    better = study_of([0.7, *rest], baseline=True)
    assert found(better, "worse_than_baseline") is None
    assert found(study_of([0.85, *rest]), "worse_than_baseline") is None  # there is none
    minimizing = replace(better, directions=("minimize",))
    assert analysis.baseline(minimizing).gain == pytest.approx(0.7 - 0.69)


@pytest.mark.parametrize(
    ("gain", "ci", "worse"),
    [
        (0.02, [0.01, 0.03], None),
        (0.02, [-0.01, 0.05], False),
        (-0.01, [-0.03, 0.01], True),
        (0.02, None, False),
    ],
)
def test_new_seeds_decide_whatever_the_search_said(tmp_path, gain, ci, worse):
    (tmp_path / "final").mkdir()
    told = {"baseline": {"trial": 0, "rival": 1, "n": 5, "gain": gain, "gain_ci": ci}}
    (tmp_path / "final" / "summary.json").write_text(json.dumps(told))
    verdict = found(study_of([0.7, 0.9], tmp_path, baseline=True), "worse_than_baseline")
    assert (verdict and verdict.evidence["worse"]) is worse
    assert verdict is None or verdict.severity == "note", "the final stage has decided"


@pytest.mark.parametrize(("stretch", "compared"), [(1, 0.9), (2, 0.84)])
def test_the_final_model_leads_and_only_equal_allowances_are_compared(tmp_path, stretch, compared):
    untested = study_of([0.7, 0.9], tmp_path)
    study = replace(untested, attrs={"optimized_metric": ["val/acc_best"]})
    assert "Not tested yet." in headline(Findings(untested), [])
    assert "Not tested yet." not in headline(Findings(study), [])  # nothing of ours can test it
    (tmp_path / "final").mkdir()
    tests = [{"seed": seed, "test_acc": 0.8} for seed in (1, 2)]
    told = {
        "winner": {"trial": 1, "val_mean": 0.84, "tests": tests},
        "score": {"metric": "test/acc", "mean": 0.8, "std": 0.01, "ci": [0.79, 0.81]},
        "options": {"stretch": stretch}, "per_class": [], "confusion_matrix": {},
    }  # fmt: skip
    (tmp_path / "final" / "summary.json").write_text(json.dumps(told))
    judged = Findings(untested)
    text = headline(judged, [])
    assert text.startswith("Final model: test accuracy 0.8000 over 2 runs, 95 % interval 0.7900 to")
    assert "Best of the search: val/acc_best 0.9" in text and "Not tested" not in text
    assert analysis.final(untested).validation == compared
    optimism = found(untested, "selection_optimism")
    assert optimism.evidence["optimism"] == pytest.approx(compared - 0.8)


def test_the_baseline_is_shown_wherever_trials_are():
    study = study_of([0.7, 0.9, 0.8], baseline=True, baseline_moved={"a": [5, 3], "odd": 1})
    record = analysis.baseline(study)
    assert (record.trial, record.best, record.moved) == (0, 1, {"a": (5, 3)})
    assert record.gain == pytest.approx(0.2)
    assert "a = 5 as 3" in baseline.caption(record)
    assert analysis.history(study).baseline == analysis.values(study).baseline == 0.7
    assert list(analysis.frame(study)["baseline"]) == [False, False, True]
    assert "0.2000 better" in facts(study, study.trials[1])["baseline"]
    assert "composed" in facts(study, study.trials[0])["baseline"]
    told = summarize(Findings(study), [])["baseline"]
    assert (told["number"], told["value"], told["final"]) == (0, 0.7, None)
    assert "baseline trial 0: val/acc_best 0.7" in overview(Findings(study), [])
    entry = analysis.compare([study, study_of([0.5])]).entries
    assert [e.baseline for e in entry] == [0.7, None]


def validated(study: StudyRecord, samples: int, majority: float) -> StudyRecord:
    noted = {"validated": samples, "majority": majority}
    trials = (
        replace(t, attrs={**t.attrs, **noted, "parameters": 100 * t.params[DEPTH]})
        for t in study.trials
    )
    return replace(study, trials=tuple(trials))


def test_the_standard_error_reaches_every_place_where_the_best_is_told():
    study = validated(study_of([0.9, 0.5, 0.4]), 100, 0.3)
    error = standard_error(0.9, 100)
    assert error == pytest.approx((92 / 104 * 12 / 104 / 104) ** 0.5)
    assert standard_error(1.0, 10) > 0.05  # of few samples nothing is certain
    assert "0.9 ± 0.031 (standard error) at z_layers = 1" in headline(Findings(study), [])
    assert facts(study, study.trials[0])["standard error"] == "0.031, of 100 validation samples"
    assert analysis.values(study).main.cells[0].best_error == pytest.approx(error)
    assert analysis.compare([study]).entries[0].best_error == pytest.approx(error)
    best = summarize(Findings(study), [])["best"]
    assert best["standard_error"] == pytest.approx(error)
    unknown = study_of([0.9, 0.5])
    assert "±" not in headline(Findings(unknown), [])
    assert found(unknown, "indistinguishable") is None


def test_trials_that_cannot_be_told_from_the_best_and_the_simplest_of_them():
    values = [0.70, 0.895, 0.5, 0.9]  # at 1, 2, 3 and 4 z-layers, with 100 weights for each
    verdict = found(validated(study_of(values, baseline=True), 1000, 0.3), "indistinguishable")
    assert verdict is not None and verdict.severity == "note"
    assert verdict.evidence["trials"] == [3, 1] and verdict.evidence["simplest"] == 1
    assert verdict.evidence["values"] == ["2", "4"]
    assert verdict.action == "python train.py -m hparams_search=final study=s"
    few = found(validated(study_of(values, baseline=True), 20, 0.3), "indistinguishable")
    assert few is not None and 0 in few.evidence["trials"] and "baseline" in few.message
    many = validated(study_of(values), 100_000, 0.3)
    assert found(many, "indistinguishable") is None
    losses = replace(many, attrs={"optimized_metric": ["val/loss"]})
    with pytest.raises(analysis.Unavailable, match="val/loss"):
        analysis.noise(losses)


def test_replicates_give_the_spread_between_seeds():
    def trial(number, value, **attrs):
        return TrialRecord(number, "complete", {"x": number}, (value,), {}, None, None, attrs)

    trials = [trial(0, 0.92), trial(1, 0.91), trial(2, 0.88, replicate=0),
              trial(3, 0.90, replicate=0), trial(4, 0.88, replicate=1)]  # fmt: skip
    study = StudyRecord("s", ("maximize",), {}, tuple(trials))
    # trials are .03 better than their replicates: .89, .88, .90 and .88, .88, two of freedom
    assert between_seeds(study) == pytest.approx((0.0002 / 2) ** 0.5)
    assert between_seeds(replace(study, trials=tuple(trials[:4]))) is None
    assert [t.number for t in study.best_first] == [0, 1]


def test_the_spread_between_seeds_is_part_of_the_error(tmp_path):
    (tmp_path / "final").mkdir()
    values = [[0.5, 0.9, 0.1], [0.5, 0.6, 0.7], [0.6, 0.6, 0.6]]
    told = {"candidates": [{"values": dict(enumerate(v))} for v in values]}
    (tmp_path / "final" / "summary.json").write_text(json.dumps(told))
    record = analysis.noise(validated(study_of([0.9, 0.89], tmp_path), 1000, 0.3))
    assert record.seeds == pytest.approx(0.1)
    assert record.trials[0].error == pytest.approx((0.1**2 + standard_error(0.9, 1000) ** 2) ** 0.5)


def test_the_spread_between_seeds_is_found_once_however_many_values_have_an_error(monkeypatch):
    asked = []
    monkeypatch.setattr(noise, "between_seeds", lambda study: asked.append(study) or 0.1)
    study = validated(study_of([0.9 - 0.01 * i for i in range(20)]), 1000, 0.3)
    record = analysis.noise(study)
    assert len(record.trials) == 20 and min(t.error for t in record.trials) > 0.1
    assert len(asked) == 1
    cells = analysis.values(study).main.cells
    assert len(cells) == 4 and min(cell.best_error for cell in cells) > 0.1
    assert len(asked) == 2


def test_the_subset_holds_the_best_at_its_level():
    """Forty equal configurations: the worst case, in which the promise is exact."""
    rng = np.random.default_rng(0)
    for count in (2, 40):
        hits = [alike(list(rng.normal(0, 0.1, count)), [0.1] * count)[0] for _ in range(600)]
        assert 0.86 < np.mean(hits) < 0.94


@pytest.mark.parametrize(
    ("best", "samples", "severity"),
    [
        (0.9, 10, "warning"), (0.8, 40, "warning"), (0.95, 30, "warning"), (0.99, 45, "warning"),
        (0.9, 100, None),
        (0.5, 200, None),
    ],
)  # fmt: skip
def test_a_small_validation_part_is_told(best, samples, severity):
    study = validated(study_of([best, best, best - 0.1]), samples, 0.2)
    verdict = found(study, "small_validation")
    assert (verdict and verdict.severity) == severity
    assert verdict is None or verdict.evidence["ties"] == 2
    for given in (None, "auto"):
        split = replace(study, attrs={**study.attrs, "fixed": {"data.folds": given}})
        verdict = found(split, "small_validation")
        assert verdict is None or verdict.action.endswith("data.folds=5")
    folded = [replace(trial, attrs={**trial.attrs, "folds": 5}) for trial in split.trials]
    verdict = found(replace(split, trials=folded), "small_validation")
    assert verdict is None or not verdict.action.endswith("data.folds=5")


def test_the_majority_class_is_a_baseline_too():
    """As it was seen: 10 of 12 trials at exactly its share, and no mistake but all of the rare."""
    share = 130 / 137
    seen = validated(study_of([share] * 10 + [0.9, 0.88]), 137, share)
    verdict = found(seen, "no_better_than_trivial")
    assert verdict is not None and verdict.severity == "alarm"
    assert verdict.evidence["at_majority"] == 12
    assert "model.class_weights=balanced" in (verdict.action or "")
    assert found(seen, "believable") is None
    assert found(validated(study_of([1.0, share]), 137, share), "no_better_than_trivial") is None
    almost = found(validated(study_of([0.99, *[share] * 11]), 137, share), "no_better_than_trivial")
    assert almost is not None and almost.severity == "warning"
    learned = validated(study_of([0.6, 0.5, 0.4]), 100, 0.3)
    assert found(learned, "no_better_than_trivial") is None


def test_what_others_wrote_is_no_size_of_a_validation_part(tmp_path):
    study = validated(study_of([0.9, 0.8]), 0, float("nan"))
    with pytest.raises(analysis.Unavailable):
        analysis.noise(study)
    run = tmp_path / "trials" / "0"
    run.mkdir(parents=True)
    for counts in ([[9, 1], [0, 10]], "torn", [[]]):
        (run / "result.json").write_text(json.dumps({"confusion_matrix": {"counts": counts}}))
        study = study_of([0.9, 0.8], tmp_path)
        if counts == [[9, 1], [0, 10]]:
            assert validation_of(study) == Validation(20, 0.5)
        else:
            with pytest.raises(analysis.Unavailable):
                validation_of(study)


def test_the_test_of_the_winner_is_as_noisy_as_its_samples(tmp_path):
    """Seeds that agree on 200 shared test samples do not make .03 less a broken promise."""
    study = study_of([0.93, 0.9, 0.88], tmp_path)

    def severity(samples: int) -> str | None:
        summary = {
            "score": {"metric": "test/acc", "mean": 0.9, "std": 0.002, "ci": [0.898, 0.902]},
            "winner": {"tests": [{"seed": i, "test_acc": 0.9} for i in range(2)]},
            "test_acc_mean": 0.9, "test_acc_std": 0.002, "test_acc_ci": [0.898, 0.902],
            "per_class": None, "confusion_matrix": {"counts": [[samples, 0], [0, samples]]},
        }  # fmt: skip
        (tmp_path / "final").mkdir(exist_ok=True)
        (tmp_path / "final" / "summary.json").write_text(json.dumps(summary))
        verdict = found(study, "selection_optimism")
        return verdict.severity if verdict else None

    assert (severity(200), severity(2000)) == (None, "warning")
