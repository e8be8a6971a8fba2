"""The nearest known names, for errors about unknown ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 20
"""So many known names are listed, the nearest first."""


def suggestion(name: object, known: Iterable[object]) -> str:
    """``did you mean zlayers? There are: zlayers, deep.``, or only which names there are."""
    names = [str(option) for option in known]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    ordered = [*near, *(other for other in names if other not in near)]
    more = f", ... ({len(names)} in all)" if len(names) > MOST else ""
    there_are = f"here are: {', '.join(ordered[:MOST]) or 'none'}{more}."
    return f"did you mean {' or '.join(near)}? T{there_are}" if near else f"t{there_are}"
