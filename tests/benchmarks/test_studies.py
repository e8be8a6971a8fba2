"""The comparison of ways to search counts studies that were done elsewhere, and does none twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import studies  # noqa: E402
from studies_table import Row, draw, read_rows, write_table  # noqa: E402

WHOLE = Row("tanh", "zlayers", 9, 0.8, 0.9, 21, 20, 800, "")
LOST = Row("tanh", "zlayers", None, 0.9)
RIVALS = [Row("tanh", "naive", n, 0.69 + n / 50, 0.9, 100, 40, 800, "3") for n in (0, 1)]


def test_a_table_is_read_as_it_was_written_and_counts_what_is_on_record(tmp_path):
    write_table([], [WHOLE, LOST, *RIVALS], tmp_path)
    assert read_rows(tmp_path / "studies.csv") == [WHOLE, LOST, *RIVALS]
    lines = (tmp_path / "summary.md").read_text().splitlines()
    assert "| zlayers | 0.8500 ± 0.6353 (2) | 21 | 0 of 1 |" in lines
    assert "| naive | 0.7000 ± 0.1271 (2) | 100 | 2 of 2 |" in lines
    # Welch: standard error (.05^2 + .01^2)^.5 = .05099, 1.08 degrees of freedom, so t = 10.69
    assert "| zlayers | naive | +1500 ± 5449 |" in lines


def test_networks_that_are_the_same_in_every_study_get_no_interval(tmp_path):
    by_hand = [Row("tanh", "defaults", n, 0.9, 0.9, 12, 12, 800, "1 5") for n in (0, 1)]
    write_table([], [WHOLE, LOST, *by_hand], tmp_path)
    text = (tmp_path / "summary.md").read_text()
    assert "| defaults | 0.9000 (2) | 12 | 2 of 2 |" in text.splitlines()
    assert "| zlayers | defaults |" not in text
    figure = Figure()
    draw([WHOLE, LOST, *by_hand], figure.subplots())
    bars = {bar.lines[0].get_ydata()[0]: bar.has_xerr for bar in figure.axes[0].containers}
    assert bars == {0: True, 1: False}, "zlayers above defaults"


def test_final_stages_of_two_studies_share_no_seed(tmp_path):
    first = [
        studies.Case("tanh", method, seed, tmp_path).final_seed
        for seed in range(10)
        for method in studies.METHODS
    ]
    assert len({seed + k for seed in first for k in (0, 1)}) == 2 * len(first)
    assert min(first) > 10, "nor one with a search"


def test_a_study_that_was_done_elsewhere_is_not_run_again(tmp_path, monkeypatch):
    write_table([], [WHOLE, LOST], tmp_path)
    ran = []
    monkeypatch.setattr(studies, "search", lambda case, jobs: ran.append(case.seed))
    monkeypatch.setattr(studies, "final", lambda case, jobs: None)
    known = ["--known", str(tmp_path / "studies.csv"), "--folder", str(tmp_path / "new")]
    which = ["--settings", "tanh", "--methods", "zlayers", "--seeds", "7,8,9"]
    monkeypatch.setattr(sys, "argv", ["studies.py", *known, *which])
    assert studies.main() == 0
    assert ran == [8], "9 is known, and a study whose seed is lost stands for 7"
    assert read_rows(tmp_path / "new" / "studies.csv") == [WHOLE, LOST]


def test_a_list_of_unknown_names_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["studies.py", "--methods", "zlayers,best"])
    with pytest.raises(SystemExit) as exit:
        studies.main()
    assert exit.value.code == 2
