"""Configurations that a study tries first: given ones, or the best of another study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from zmodel.study.budget.slots import Slots
from zmodel.study.folder import journal_of
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.space.search_space import SearchSpace

TOP = 5
"""How many trials of ``from_study`` are tried."""


def first_configurations(
    enqueue: list[dict[str, Any]] | None, from_study: str | None, folder: Path, space: SearchSpace
) -> list[dict[str, Any]]:
    """Checked parameter sets, the given ones first.

    Raises:
        ValueError: a parameter or value outside the search space, or no such study.
    """
    if enqueue is not None and not isinstance(enqueue, list):
        raise ValueError(f"hydra.sweeper.enqueue must be a list of mappings, got {enqueue!r}.")
    given = [space.validate(params) for params in enqueue or []]
    return given + (best_of(from_study, folder, space) if from_study else [])


def best_of(name: str, folder: Path, space: SearchSpace) -> list[dict[str, Any]]:
    """The best completed trials of a study beside ``folder``, as far as they fit this space."""
    path = journal_of(folder.parent.parent, name)
    other = optuna.load_study(study_name=name, storage=open_storage(str(path), read_only=True))
    complete = other.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    sign = -1 if other.directions[0].name == "MAXIMIZE" else 1
    fitting = []
    for trial in sorted(complete, key=lambda t: sign * t.values[0]):
        known = {k: v for k, v in trial.params.items() if k in space.distributions}
        try:
            fitting.append(space.validate(known))
        except ValueError:
            continue  # outside the bounds of this study
    return fitting[:TOP]


def enqueue_once(slots: Slots, configurations: list[dict[str, Any]]) -> None:
    """Give them the first slots of a study that has no trials yet."""
    if configurations and not slots.trials():
        slots.enqueue(configurations)
