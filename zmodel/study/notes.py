"""Notes that readers of a report add to a study.

Every machine sees them.
"""

from __future__ import annotations

from typing import Any

import optuna

from zmodel.study.records import StudyRecord

PREFIX = "note:"
OF_STUDY = "study"
"""The key of the note on the study itself; those on trials are under their numbers."""
MOST_LETTERS = 2000


def notes_of(study: StudyRecord) -> dict[str, str]:
    """The notes by key; those that are empty were taken away."""
    found = ((k.removeprefix(PREFIX), v) for k, v in study.attrs.items() if k.startswith(PREFIX))
    return {key: text for key, text in found if isinstance(text, str) and text}


def write_note(study: optuna.Study, key: Any, text: Any) -> None:
    """Keep a note; one attribute each, so that two writers of different notes lose nothing.

    Raises:
        ValueError: the study has no such trial, or the text is none or too long.
    """
    known = {OF_STUDY, *(str(trial.number) for trial in study.get_trials(deepcopy=False))}
    if key not in known or not isinstance(text, str) or len(text) > MOST_LETTERS:
        raise ValueError(
            f"a note must be of a trial of the study, or of {OF_STUDY!r}, and text of at most "
            f"{MOST_LETTERS:,} letters, received {str(key)[:40]!r} and {str(text)[:40]!r}"
        )
    study.set_user_attr(f"{PREFIX}{key}", text)
