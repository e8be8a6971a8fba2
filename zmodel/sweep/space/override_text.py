"""Converts Python values to Hydra overrides and back.

Nothing is lost on the way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Override,
    OverrideType,
    Quote,
    QuotedString,
    Sweep,
    ValueType,
)
from hydra.errors import HydraException

from zmodel.core.equality import same

# Without quotes these mean something else, if only inside a list.
_NEEDS_QUOTES = frozenset("()[]{},'\"\\")


def _choice(*args) -> ChoiceSweep:  # type: ignore[no-untyped-def]
    """Hydra's `choice`, which forbids `null` although the short form `1,null` allows it.

    No annotation: Hydra would check it, and null is not a type.
    """
    if not args:
        raise ValueError("choice() needs at least one value")
    if any(isinstance(arg, Sweep) for arg in args):
        raise ValueError("a choice cannot hold another sweep")
    return ChoiceSweep(list=list(args))


@lru_cache(maxsize=1)
def parser() -> OverridesParser:
    """Hydra's override grammar, with `choice(..., null)` allowed."""
    functions = create_functions()
    del functions.definitions["choice"], functions.functions["choice"]
    functions.register(name="choice", func=_choice)
    return OverridesParser(functions=functions)


def reads_as(text: str, value: Any) -> bool:
    """Whether Hydra reads `key=text` as exactly `value`."""
    try:
        override = parser().parse_override(f"k={text}")
    except HydraException:
        return False
    return not override.is_sweep_override() and same(override.value(), value)


@lru_cache(maxsize=4096)
def _string_text(value: str) -> str:
    if value and not _NEEDS_QUOTES.intersection(value) and reads_as(value, value):
        return value
    for quote in (Quote.single, Quote.double):
        text = QuotedString(value, quote).with_quotes()
        if reads_as(text, value):
            return text
    raise ValueError(
        f"Hydra's override syntax cannot express the string {value!r}. Choose another."
    )


def plain(parsed: Any) -> Any:
    """What the parser found, as Python data: quoted strings are strings."""
    return _override(parsed).value()


def _key_text(key: Any) -> str:
    # Hydra's grammar allows no quotes around a key of a dict.
    return _override(key).get_value_element_as_str()


def _override(value: Any) -> Override:
    return Override(OverrideType.CHANGE, "k", ValueType.ELEMENT, value)


def value_text(value: Any) -> str:
    """The text that Hydra reads back as exactly `value`: as it is where possible, else quoted.

    `value` is None, a bool, int, float or str, or a list or dict of these. ValueError for others,
    and for the few that Hydra's grammar cannot express (such as a dict key with a quote in it).
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, str):
        return _string_text(value)
    if isinstance(value, list):
        text = f"[{','.join(map(value_text, value))}]"
    elif isinstance(value, dict):
        text = ",".join(f"{_key_text(k)}:{value_text(v)}" for k, v in value.items())
        text = f"{{{text}}}"
    else:
        raise ValueError(
            "A value of an override must be null, a bool, int, float, string, list or mapping; "
            f"got {value!r} ({type(value).__name__})."
        )
    if not reads_as(text, value):
        raise ValueError(f"Hydra's override syntax cannot express {value!r}. Choose another value.")
    return text
