"""Floors as the user writes them, and those that cannot be."""

from __future__ import annotations

import math

import pytest

from zmodel.sweep.sampling.floor_schedule import FloorSchedule
from zmodel.sweep.sampling.floors import parse_floors
from zmodel.sweep.space.parse import parse_space

SPACE = parse_space(
    {
        "z": "range(1, 6)",
        "net": "choice(cnn, mlp, gru)",
        "lr": "tag(log, interval(1e-5, 1e-1))",
        "w": "tag(log, int(interval(4, 64)))",
        "w2": {"space": "int(interval(4, 64))", "when": "z >= 2"},
    },
    [],
)


def test_floors_are_counts_shares_and_bins() -> None:
    spec = {"z": 5, "net": "10%", "lr": {"bins": 4, "min": 3}, "w": {"bins": 3, "min": "5%"}}
    floors = parse_floors(spec, SPACE, 60)
    cells = {param: [floor.cell for floor in row] for param, row in floors.items()}
    leasts = {param: [floor.least for floor in row] for param, row in floors.items()}
    assert [cell.target for cell in cells["z"]] == list(range(1, 6)) and leasts["z"] == [5] * 5
    assert leasts["net"] == [6, 6, 6]
    # a log range is cut into equal ratios; every value belongs to exactly one range
    edges = [cell.target for cell in cells["lr"]]
    assert [low for low, _ in edges] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert edges[-1][1] == 1e-1
    for value in (1e-5, 9.9e-5, 1e-4, 3e-3, math.nextafter(1e-2, 0), 1e-2, 1e-1):
        assert sum(cell.holds(value) for cell in cells["lr"]) == 1
    assert [cell.target for cell in cells["w"]] == [(4, 9), (10, 24), (25, 64)]
    assert leasts["w"] == [3, 3, 3]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"z": 13},
            r"65, more than the budget of 60.*a floor of 12 \(20%\), or .*n_trials=65",
        ),
        ({"z": "25%"}, "75, more than the budget of 60"),
        ({"w": 5}, r"for each of 61 values.*\{bins: 12, min: 5\}"),
        ({"lr": {"bins": 9, "min": 7}}, r"63.*\{bins: 8, min: 7\}"),
        ({"zz": 5}, "did you mean z"),
        ({"w2": 5}, "w2 only exists when z >= 2"),
        ({"lr": 5}, r"needs bins, as in \{bins: 4, min: 5\}"),
        ({"net": {"bins": 2, "min": 5}}, "choices have no bins"),
        ({"z": {"bins": 6, "min": 1}}, "6 bins for 5 values"),
        ({"z": -1}, "must be a count"),
        ({"z": 2.5}, "must be a count"),
        ({"z": "ten%"}, "must be a count"),
        ({"z": True}, "must be a count"),
        ({"lr": {"bins": 4}}, "must be a count"),
    ],
)
def test_a_floor_that_cannot_be_is_refused_before_the_first_trial(spec: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FloorSchedule(spec, SPACE, 60, constraints=())
