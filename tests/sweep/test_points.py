"""Points of a search space that are tried before the first trial."""

from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.points import params_at, points


def test_ends_of_numbers_and_every_choice():
    space = parse_space(
        {
            "lr": "tag(log, interval(0.001, 0.1))",
            "layers": "int(interval(1, 5))",
            "batch": "choice(100, 50, 200)",
            "norm": "choice(none, batch, layer)",
            "flag": "choice(false, true)",
            "one": "range(3, 4)",
        },
        [],
    )
    low, high, third = points(space)
    assert low == {
        "lr": 0.001, "layers": 1, "batch": 50, "norm": "none", "flag": False, "one": 3,
    }  # fmt: skip
    assert high == low | {"lr": 0.1, "layers": 5, "batch": 200, "norm": "batch", "flag": True}
    assert third == low | {"norm": "layer"}


def test_conditions_hold_at_a_point():
    space = parse_space(
        {
            "layers": "int(interval(1, 3))",
            "second": {"space": "int(interval(4, 8))", "when": "layers >= 2"},
        },
        [],
    )
    low, high = points(space)
    assert params_at(low, space, None) == {"layers": 1}
    assert params_at(high, space, None) == {"layers": 3, "second": 8}
