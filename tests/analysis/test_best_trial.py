"""Verdicts about the best trial: against the baseline, against chance, against the others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.distributions import IntDistribution

from zmodel import analysis
from zmodel.analysis.diagnostics.search import baseline
from zmodel.analysis.findings import Findings
from zmodel.analysis.page.best_card import facts
from zmodel.analysis.page.terminal import overview
from zmodel.analysis.rules.verdict import Verdict
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
    assert worse is not None and worse.severity == "warning"
    assert worse.action == "python train.py -m hparams_search=final study=s"
    few = found(study_of([0.85, 0.8], baseline=True), "worse_than_baseline")
    assert few is not None and few.severity == "note"
    better = study_of([0.7, *rest], baseline=True)
    assert found(better, "worse_than_baseline") is None
    assert found(study_of([0.85, *rest]), "worse_than_baseline") is None  # there is none
    minimizing = replace(better, directions=("minimize",))
    assert analysis.baseline(minimizing).gain == pytest.approx(0.7 - 0.69)


@pytest.mark.parametrize(
    ("gain", "ci", "severity"),
    [
        (0.02, [0.01, 0.03], None),
        (0.02, [-0.01, 0.05], "note"),
        (-0.01, [-0.03, 0.01], "warning"),
        (0.02, None, "note"),
    ],
)
def test_new_seeds_decide_whatever_the_search_said(tmp_path, gain, ci, severity):
    (tmp_path / "final").mkdir()
    told = {"baseline": {"trial": 0, "rival": 1, "n": 5, "gain": gain, "gain_ci": ci}}
    (tmp_path / "final" / "summary.json").write_text(json.dumps(told))
    verdict = found(study_of([0.7, 0.9], tmp_path, baseline=True), "worse_than_baseline")
    assert (verdict and verdict.severity) == severity


def test_the_baseline_is_shown_wherever_trials_are():
    study = study_of([0.7, 0.9, 0.8], baseline=True, baseline_moved={"a": [5, 3], "odd": 1})
    record = analysis.baseline(study)
    assert (record.trial, record.best, record.moved) == (0, 1, {"a": (5, 3)})
    assert record.gain == pytest.approx(0.2)
    assert "a = 5 as 3" in baseline.caption(record)
    assert analysis.history(study).baseline == analysis.values(study).baseline == 0.7
    assert list(analysis.frame(study)["baseline"]) == [False, False, True]
    assert "+0.2000" in facts(study, study.trials[1])["baseline"]
    assert "composed" in facts(study, study.trials[0])["baseline"]
    told = summarize(Findings(study), [])["baseline"]
    assert (told["number"], told["value"], told["final"]) == (0, 0.7, None)
    assert "baseline trial 0: val/acc_best 0.7" in overview(Findings(study), [])
    entry = analysis.compare([study, study_of([0.5])]).entries
    assert [e.baseline for e in entry] == [0.7, None]
