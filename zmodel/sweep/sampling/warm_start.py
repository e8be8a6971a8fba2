"""Configurations that a study tries first: given ones, or the best of another study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zmodel.study.budget.slots import Slots
from zmodel.study.records import find_study
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
    """The best trials of a study beside ``folder`` that have all of its parameters, as far as they
    fit this space."""
    fitting = []
    for trial in find_study(name, folder.parent.parent).best_first:
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
