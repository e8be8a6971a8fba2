"""Refuses several values for one run."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from zmodel.core.command_text import command_text


def refuse_search(words: Sequence[str]) -> None:
    """Say what to do where a value is a search, as `lr=interval(1e-4,1e-1)`, and `-m` is missing.

    Raises:
        ValueError: one of the words has several values.
    """
    parser = OverridesParser.create()
    for word in words:
        override = _parsed(parser, word)
        if override is None or not override.is_sweep_override():
            continue
        key, _, value = word.partition("=")
        study = command_text(["python", "train.py", "-m", "hparams_search=zlayers", word])
        fix = (
            f'To search over it, start a study: {study}, or zmodel.sweep("zlayers", [...]). A list '
            "is [1,2], a text with commas stands in quotes."
        )
        if key == "study":
            fix = f"Several studies are a list: study=[{value}]."
        raise ValueError(f"{key} must have one value here, got {value}. {fix}")


def _parsed(parser: OverridesParser, word: str) -> Override | None:
    """None of a flag, and of what Hydra will refuse with a message of its own."""
    try:
        return None if word.startswith("-") else parser.parse_override(word)
    except HydraException:
        return None
