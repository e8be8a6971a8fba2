"""Checks of arguments: a text where a list belongs is never taken letter by letter."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from zmodel.core.arguments import names, whole_numbers


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("ab", ("ab",)),
        (["ab", "2024_01"], ("ab", "2024_01")),
        (OmegaConf.create(["ab"]), ("ab",)),
        ((), ()),
        (None, ()),
    ],
)
def test_names(given, found):
    assert names("tags", given) == found


@pytest.mark.parametrize("given", [20240115, [1000.0], ["a", None], {"a": 1}, True])
def test_what_was_no_name_is_refused(given):
    with pytest.raises(ValueError, match="^tags must be a list of names"):
        names("tags", given)


def test_whole_numbers():
    assert whole_numbers("size", [3, 4], "[3,4]") == (3, 4)
    for given in ("34", 34, [3, 0], [3, 4.5], {3: 4}, None, ["3"]):
        with pytest.raises(ValueError, match="size must be a "):
            whole_numbers("size", given, "[3,4]")
