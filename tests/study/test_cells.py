"""Cells: values or ranges that hold each value once, and labels that tell them apart."""

from __future__ import annotations

import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from zmodel.analysis.statistics.scale import scale_of
from zmodel.study.cells import Cells, cells_of, range_cells, value_cells
from zmodel.study.records import StudyRecord

LR = FloatDistribution(1e-5, 1e-1, log=True)
WIDTH = IntDistribution(4, 64, log=True)


def study(distribution, coverage=None) -> StudyRecord:
    attrs = {} if coverage is None else {"coverage": {"p": coverage}}
    return StudyRecord("s", ("maximize",), {"p": distribution}, (), attrs=attrs)


def holders(cells: Cells, value) -> list[int]:
    return [i for i, cell in enumerate(cells) if cell.holds(value)]


@pytest.mark.parametrize(
    ("distribution", "count", "targets", "labels"),
    [
        (WIDTH, 3, [(4, 9), (10, 24), (25, 64)], ("4 to 9", "10 to 24", "25 to 64")),
        (IntDistribution(1, 5), 2, [(1, 2), (3, 5)], ("1 to 2", "3 to 5")),
        (IntDistribution(1, 3), 3, [(1, 1), (2, 2), (3, 3)], ("1", "2", "3")),
        (IntDistribution(1, 3, log=True), 9, [(1, 1), (2, 2), (3, 3)], ("1", "2", "3")),
        (FloatDistribution(0, 1, step=0.1), 2, [(0.0, 0.4), (0.5, 1.0)], ("0 to 0.4", "0.5 to 1")),
        (
            IntDistribution(0, 2 * 10**9),
            2,
            [(0, 999_999_999), (10**9, 2 * 10**9)],
            ("0 to 999999999", "1000000000 to 2000000000"),
        ),
    ],
)
def test_ranges_of_counted_values_share_them_out(distribution, count, targets, labels):
    cells = range_cells("p", distribution, count)
    assert [cell.target for cell in cells] == targets
    assert cells.labels == labels


def test_ranges_of_endless_values_touch_and_do_not_overlap():
    cells = range_cells("lr", LR, 4)
    for value in (1e-5, 9.9e-5, 1e-4, 3e-3, math.nextafter(1e-2, 0), 1e-2, 1e-1):
        assert len(holders(cells, value)) == 1 and holders(cells, value) == [cells.at(value)]
    assert cells.labels == ("1e-05 to 0.0001", "0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1")
    narrow = range_cells("x", FloatDistribution(1.0, 1.001), 3)
    assert len(set(narrow.labels)) == 3


def test_values_that_read_alike_have_labels_that_differ():
    assert value_cells("p", [0.12341, 0.12342]).labels == ("0.12341", "0.12342")
    cells = value_cells("p", [1, "1", True, None])
    assert len(set(cells.labels)) == 4
    assert [cells.at(value) for value in (1, "1", True, None, 1.0)] == [0, 1, 2, 3, None]


def test_the_axis_of_a_parameter_has_a_place_for_each_choice():
    scale = scale_of(study(CategoricalDistribution([1, "1", None])), "p")
    assert [scale.place(value) for value in (1, "1", None, "new")] == [0, 1, 2, 3]


def test_a_step_that_was_added_up_is_the_value_that_is_meant():
    cells = cells_of(study(FloatDistribution(0, 1, step=0.1)), "p")
    assert cells.labels[3] == "0.3" and cells.at(3 * 0.1) == 3 and cells[3].holds(3 * 0.1)


def test_a_report_is_cut_as_the_floors_are():
    assert cells_of(study(LR, {"bins": 3, "min": 5}), "p") == range_cells("p", LR, 3)
    assert cells_of(study(LR), "p") == range_cells("p", LR, 4)
    assert len(cells_of(study(IntDistribution(1, 40), 2), "p")) == 40
    assert len(cells_of(study(IntDistribution(1, 40)), "p")) == 4
    assert len(cells_of(study(CategoricalDistribution(range(40))), "p")) == 40


@pytest.mark.parametrize("coverage", [{"bins": 0}, {"bins": 10**9}, {"bins": "x"}, "5", [1]])
def test_floors_that_somebody_else_wrote_are_lived_with(coverage):
    assert cells_of(study(LR, coverage), "p").labels
    assert cells_of(study(IntDistribution(0, 10**9), coverage), "p").labels


def test_a_number_beyond_the_declared_range_counts_for_the_nearest():
    cells = range_cells("lr", LR, 4)
    assert (cells.at(1e-9), cells.at(5.0), cells.at("x"), cells.at(True)) == (0, 3, None, None)
