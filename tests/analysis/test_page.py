"""What draws and writes: rows of records, ticks of axes, tables, sections."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.diagnostics.space import contour
from zmodel.analysis.diagnostics.training import confusion, curves, overfitting
from zmodel.analysis.page import axes, html, marks, render, style, value_axis
from zmodel.analysis.page.rows import flat, mark_origin
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.depths import Depths
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
    ("action", "is_command"),
    [("python train.py -m a=1", True), ("zmodel-train -m a=1", True), ("widen a, by hand", False)],
)
def test_a_suggested_command_can_be_copied_whatever_program_it_starts(action, is_command):
    page = html.verdict_list([Verdict("boundary", "warning", "text", action=action)])
    assert (f"<code>{action}</code>" in page) == is_command
    assert ("Next:" in page) != is_command


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


@pytest.mark.parametrize(
    ("values", "maximize", "floor"),
    [
        ([0.73, 0.99, 0.994], True, 0.006),
        ([0.73, 0.99, 1.0], True, 0.005),  # an error of 0 has no logarithm
        ([0.5, 0.8], True, None),  # not near 1
        ([0.991, 0.992], True, None),  # a plain axis shows as much
        ([0.73, 0.99], False, None),
        ([0.9, 12.0], True, None),
        ([1.0, 1.0], True, None),
        ([float("nan"), None], True, None),
    ],
)
def test_values_near_one_are_spread_by_their_errors(values, maximize, floor):
    found = value_axis.error_floor(values, maximize)
    assert found == (None if floor is None else pytest.approx(floor))
    _, ax = style.new_figure()
    ax.plot([v for v in values if v is not None])
    value_axis.value_axis(ax, "acc", values, maximize)
    if floor is not None:
        low, middle, high = (ax.transData.transform((0, 1 - e))[1] for e in (0.27, 0.09, 0.03))
        assert high - middle == pytest.approx(middle - low)
        assert "log" in ax.get_ylabel() and len(ax.get_yticks()) >= 3


def test_every_dot_of_a_trial_says_which_one_it_is():
    figure, ax = style.new_figure()
    depths = Depths("z", ("1", "2"), {4: "1", 7: "2"})
    marks.trials(ax, [0, 1, 2], [0, 1, 2], [4, 7, 9], depths)
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text)
    svg = render.inline(text.getvalue(), "name")
    group = svg[svg.index('data-trials="4 7 9"') :]
    assert group[: group.index("</g>\n</g>")].count("<use ") == 3
    ramp = style.colors_of(depths.labels)
    for color in (ramp["1"], ramp["2"], style.ACCENT):
        assert f"var(--{style.THEMED[color][0]})" in group


def test_nothing_is_drawn_between_two_integers():
    trials = tuple(
        TrialRecord(n, "complete", {"z": 1 + n % 2, "x": n / 20}, (n % 2 / 1,), {}, None, None)
        for n in range(20)
    )
    space = {"z": IntDistribution(1, 2), "x": FloatDistribution(0, 1)}
    (pair,) = contour.data(StudyRecord("s", ("maximize",), space, trials)).pairs
    assert pair.x.param == "z" and pair.grid.shape[1] == 2
    assert {round(v, 9) for v in pair.grid[:, 0] if v == v} == {0.0}
    assert {round(v, 9) for v in pair.grid[:, 1] if v == v} == {1.0}


def test_few_mistakes_are_a_sentence():
    few = confusion.Confusion(3, "val", ("a", "b"), ((9, 2), (0, 9)))
    assert "a taken for b (2)" in (confusion.nothing(few) or "")
    assert confusion.nothing(replace(few, counts=((9, 9), (0, 9)))) is None


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
