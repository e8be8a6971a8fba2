"""Commands as text that a person can copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

SPECIAL = frozenset('"$`\\!')
"""What the shell reads inside double quotes."""


def command_text(words: Iterable[str]) -> str:
    """The words as one line for the shell, which reads exactly them.

    A word with single quotes, as Hydra wants them around some values, stands in double ones:
    ``"study_name='a b'"``, where ``shlex.join`` ends and begins quotes around each of them.
    """
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return f'"{word}"' if "'" in word and SPECIAL.isdisjoint(word) else shlex.quote(word)
