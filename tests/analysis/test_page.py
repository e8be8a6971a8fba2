"""What draws and writes: rows of records, ticks of axes, tables, sections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.diagnostics.training import curves, overfitting
from zmodel.analysis.page import axes, html, marks, render, style
from zmodel.analysis.page.rows import flat, mark_origin
from zmodel.analysis.statistics.scale import scale_of
from zmodel.study.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Record:
    trial: int
    name: str | None
    sure: bool
    parts: tuple[int, ...]
    counts: dict[str, int]


def test_a_row_has_the_single_fields_of_a_record():
    record = Record(3, None, True, (1, 2), {"a": 1})
    assert flat(record) == {"trial": 3, "name": None, "sure": True}
    assert flat(record, "name", "sure") == {"trial": 3}


def test_rows_of_trials_say_what_was_forced():
    trials = tuple(
        TrialRecord(n, "complete", {}, None, {}, None, None, attrs=attrs)
        for n, attrs in enumerate([{"forced": ["a", "b"]}, {}])
    )
    study = StudyRecord("s", ("maximize",), {}, trials)
    rows = mark_origin(study, [{"value": 1, "trial": 0}, {"trial": 1}, {"value": 2}])
    assert rows == [
        {"trial": 0, "forced": "a b", "value": 1},
        {"trial": 1, "forced": ""},
        {"value": 2},
    ]
    assert list(rows[0]) == ["trial", "forced", "value"]
    second = replace(trials[1], attrs={"baseline": True})
    rows = mark_origin(replace(study, trials=(trials[0], second)), [{"trial": 0}, {"trial": 1}])
    assert [row["baseline"] for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("distribution", "ticks"),
    [
        (IntDistribution(1, 5), {0: "1", 0.25: "2", 0.5: "3", 0.75: "4", 1: "5"}),
        (FloatDistribution(1e-4, 1.0, log=True), {0: "0.0001", 0.5: "0.01", 1: "1"}),
        (FloatDistribution(0.0, 0.3), {0: "0", 1 / 3: "0.1", 2 / 3: "0.2", 1: "0.3"}),
        (CategoricalDistribution(["a", None, "b"]), {0: "a", 0.5: "None", 1: "b"}),
    ],
)
def test_a_parameter_is_marked_by_few_round_values_on_its_own_scale(distribution, ticks):
    _, ax = style.new_figure()
    study = StudyRecord("s", ("maximize",), {"p": distribution}, ())
    axes.parameter_ticks(ax, scale_of(study, "p"))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == list(ticks.values())
    assert list(ax.get_xticks()) == pytest.approx(list(ticks))


def test_bars_stand_on_each_other_and_empty_parts_are_left_out():
    _, ax = style.new_figure()
    parts = {"complete": [2, 0], "pruned": [0, 0], "failed": [1, 3]}
    looks = [style.LOOKS[state] for state in parts]
    assert marks.stacked(ax, parts, looks) == [3, 3]
    assert ax.get_legend_handles_labels()[1] == ["complete", "failed"]


def test_spans_of_time_are_written_in_a_readable_unit():
    spans = {0.4: "0 seconds", 90: "90 seconds", 600: "10.0 minutes", 4 * 3600: "4.0 hours"}
    assert {seconds: axes.in_words(seconds) for seconds in spans} == spans


def test_numbers_of_axes_are_plain():
    numbers = {0.001: "0.001", 20: "20", 50_000: "50k", 2e6: "2M", 1500: "1500"}
    assert {n: axes.plain_number(n) for n in numbers} == numbers


def test_addresses_are_relative_and_quoted(tmp_path: Path):
    run = tmp_path / "a b" / "trials" / "0"
    run.mkdir(parents=True)
    page = tmp_path / "a b" / "report"
    assert html.address(run, page) == "../trials/0/"
    (run / "x#1").touch()
    assert html.address(run / "x#1", page) == "../trials/0/x%231"


def test_a_long_table_is_cut_and_says_by_how_much():
    rows = [{"trial": n, "empty": None} for n in range(5)]
    shown = html.table(rows, most=3)
    assert shown.count("<tr>") == 4 and "empty" not in shown
    assert ">2 more" in shown


@pytest.mark.parametrize("module", [curves, overfitting])
def test_a_legend_of_very_many_choices_leaves_room_for_the_data(module):
    """Laying out a figure without room warns, and a warning is an error here."""
    names = [f"a choice of a long name, {n}" for n in range(300)]
    space = {"kind": CategoricalDistribution(names)}
    trials = tuple(
        TrialRecord(
            n, "complete", {"kind": name}, (n / 300,), {0: 0.1, 1: n / 300}, None, None,
            {"metrics": {"train/acc": 0.9, "val/acc": n / 300}}, {}, space,
        )
        for n, name in enumerate(names)
    )  # fmt: skip
    study = StudyRecord("wide", ("maximize",), space, trials)
    figure = render.draw(module, module.data(study))
    figure.draw_without_rendering()
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()]
    assert legends and all(len(found.get_texts()) <= axes.MOST_LABELS for found in legends)
