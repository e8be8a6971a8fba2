"""Rewrites a study in its journal with more choices, or with other directions.

Optuna fixes both for the life of a study, the choices of a parameter also in what it reads. So the
study is deleted and created again under its name, with all trials and attributes. The journal is
replaced whole by one with these further lines: whoever dies before that has changed nothing, and
the old lines stay in the file.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages.journal import BaseJournalBackend, JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from zmodel.core.atomic_file import write
from zmodel.study.journal.file import JournalFile
from zmodel.study.journal.lines import Log
from zmodel.study.widening import is_wider


class _Draft(BaseJournalBackend):
    """A journal, and what is to follow its lines."""

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self.pending: list[Log] = []
        data = Path(journal.path).read_bytes()
        self.text = data[: data.rfind(b"\n") + 1]  # a torn line is none
        self._kept = sum(1 for _ in journal.read_logs(0))

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        kept = islice(
            self._journal.read_logs(log_number_from), max(0, self._kept - log_number_from)
        )
        return chain(kept, self.pending[max(0, log_number_from - self._kept) :])

    def append_logs(self, logs: list[Log]) -> None:
        self.pending += logs


def retell(
    path: str,
    name: str,
    space: Mapping[str, BaseDistribution],
    directions: Sequence[StudyDirection] = (),
    forgotten: Container[str] = (),
) -> None:
    """Give all trials of the study `name` the choices that `space` has.

    The caller holds the study's lock, and nobody works on the study.

    Args:
        directions: what the study has from now on; none: its own.
        forgotten: attributes of the study that are left out.
    """
    draft = _Draft(JournalFile(path, create=False))
    storage = JournalStorage(draft)
    old = storage.get_study_id_from_name(name)
    user, system = storage.get_study_user_attrs(old), storage.get_study_system_attrs(old)
    trials = storage.get_all_trials(old)
    kept = directions or storage.get_study_directions(old)
    storage.delete_study(old)
    new = storage.create_new_study(kept, name)
    for key, value in user.items():
        if key not in forgotten:
            storage.set_study_user_attr(new, key, value)
    for key, value in system.items():
        storage.set_study_system_attr(new, key, value)
    for trial in trials:
        storage.create_new_trial(new, template_trial=_with(trial, space))
    lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in draft.pending)
    write(Path(path).resolve(), draft.text + lines.encode(), durable=True)


def outdated(trials: list[FrozenTrial], space: Mapping[str, BaseDistribution]) -> list[str]:
    """Parameters that a trial was asked for with fewer choices than `space` has."""
    return [
        name
        for name, now in space.items()
        if any(_has_more_choices(now, t.distributions.get(name, now)) for t in trials)
    ]


def _has_more_choices(now: BaseDistribution, before: BaseDistribution) -> bool:
    return isinstance(now, CategoricalDistribution) and before != now and is_wider(before, now)


def _with(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> FrozenTrial:
    twin = copy.copy(trial)
    twin.distributions = {
        name: now if _has_more_choices(now := space.get(name, before), before) else before
        for name, before in trial.distributions.items()
    }
    return twin
