"""Makes text from a study safe to print and to draw."""

from __future__ import annotations

import re

# C0 and C1 controls (terminal escapes among them), surrogates, and marks that turn text round
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def plain(value: object) -> str:
    """`value` as text without characters that a terminal obeys or no font has."""
    return UNSAFE.sub("\ufffd", str(value))
