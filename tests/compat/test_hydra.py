"""What zmodel relies on in Hydra's override grammar beyond its documented use.

No private name is needed: these are public names of modules that no page documents.
"""

from __future__ import annotations

from dataclasses import fields

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    OverrideType,
    QuotedString,
    RangeSweep,
    ValueType,
)


@pytest.mark.parametrize("table", ["definitions", "functions"])
def test_the_functions_of_the_grammar_can_be_replaced(table):
    assert "choice" in getattr(create_functions(), table)


@pytest.mark.parametrize(
    ("sweep", "names"),
    [
        (ChoiceSweep, {"list", "shuffle", "tags"}),
        (RangeSweep, {"start", "stop", "step", "shuffle", "transformers", "tags"}),
        (IntervalSweep, {"start", "end", "tags"}),
    ],
)
def test_the_fields_of_a_sweep(sweep, names):
    assert names <= {field.name for field in fields(sweep)}


def test_an_override_made_by_hand_turns_parsed_elements_into_data_and_text():
    parsed = OverridesParser.create().parse_override("k=[a,'1',{b:2}]")
    assert parsed.value() == ["a", "1", {"b": 2}]
    made = Override(OverrideType.CHANGE, "k", ValueType.ELEMENT, [QuotedString("1", None), "a b"])
    assert made.value() == ["1", "a b"]
    key = Override(OverrideType.CHANGE, "k", ValueType.ELEMENT, "a:b")
    assert key.get_value_element_as_str() == "a\\:b"
