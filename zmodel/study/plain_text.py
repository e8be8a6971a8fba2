"""Makes text from a study safe to print and to draw, and fits it into a terminal."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Sequence

# C0 and C1 controls (terminal escapes among them), surrogates, and marks that turn text round
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def plain(value: object) -> str:
    """`value` as text without characters that a terminal obeys or no font has."""
    return UNSAFE.sub("\ufffd", str(value))


HARD = "\N{NO-BREAK SPACE}"
"""Stands for the spaces at which a line must not be broken."""


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


def clock(seconds: float) -> str:
    """`4:31` minutes, or `1:04:31` hours."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
