"""Parameters and numbers of a trial as short text for a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zmodel.study.cells import value_label
from zmodel.study.plain_text import plain
from zmodel.study.records import TrialRecord

HARD = "\N{NO-BREAK SPACE}"
"""Stands for the spaces at which a line must not be broken."""


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The last part of each dotted name; the whole name where two would be called alike."""
    last = {name: name.rsplit(".", 1)[-1] for name in names}
    counts = Counter(last.values())
    return {name: plain(name if counts[end] > 1 else end) for name, end in last.items()}


def assignments(params: Mapping[str, Any]) -> list[str]:
    """`lr=0.0109` for every parameter."""
    names = short_names(params)
    return [f"{names[name]}={value_label(value)}" for name, value in params.items()]


def state_of(trial: TrialRecord) -> str:
    """Its state, as people call it."""
    put_back = trial.state == "waiting" and trial.attrs.keys() & {"interrupted", "resumed_from"}
    return "interrupted, will resume" if put_back else trial.state


def clock(seconds: float) -> str:
    """`4:31` minutes, or `1:04:31` hours."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def in_lines(parts: Sequence[str], width: int, indent: int = 0) -> list[str]:
    """The parts, two spaces apart, in lines of at most `width`; short parts are not broken.

    Args:
        indent: of the lines after the first.
    """
    held = [part.replace(" ", HARD) if len(part) < width - indent else part for part in parts]
    lines = textwrap.wrap(
        "  ".join(held),
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(HARD, " ") for line in lines]


def terminal_width() -> int:
    """Of the terminal, else 80 columns."""
    return shutil.get_terminal_size().columns
