"""The next round of a study searches what the last one left open.

As in `hydra.sweeper.next_of=zlayers`.

A parameter that is declared as it was in the last round gets what is left of it; one that is
declared otherwise is taken as declared. Once the study exists, what it began with holds. With
`on_change=widen` a parameter that the command gives, or that is declared otherwise, has its bounds
as declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution

from zmodel.study.distribution_values import in_words
from zmodel.study.records import StudyRecord
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.sampling.warm_start import study_beside
from zmodel.sweep.settings import Settings
from zmodel.sweep.space.search_space import SearchSpace

ROUND = "round"
"""Attribute of a study that is the next round of another."""


def next_round(
    settings: Settings, space: SearchSpace, arguments: Sequence[str] = ()
) -> tuple[SearchSpace, dict[str, Any] | None]:
    """The space that the last round left open, and what the study keeps of it.

    That is `of`, what was `declared`, the `space` it has, and the `chain` of rounds before it, the
    first one first. A study of its own has the space as declared, and keeps nothing.

    Raises:
        ValueError: there is no such study, or nothing has completed in it.
    """
    if settings.next_of is None:
        return space, None
    if settings.next_of == settings.study_name:
        raise ValueError(
            f"hydra.sweeper.next_of must name another study, received {settings.next_of!r}, which "
            f"is this one. Give the next round a name, as in study_name={settings.next_of}-2."
        )
    known = _known(settings)
    if known is not None:
        return _continued(known, settings, space, arguments)
    last = study_beside(settings.next_of, settings)
    left = _left_open(last, space)
    found = _within(space, left)
    _say(settings.next_of, space, found)
    told = {"of": settings.next_of, "chain": [*_chain(last), _summary(last)]}
    return found, told | _spaces(space, found)


def _continued(
    known: dict[str, Any], settings: Settings, space: SearchSpace, arguments: Sequence[str]
) -> tuple[SearchSpace, dict[str, Any]]:
    """The space that the round has, and what it keeps."""
    given = {argument.partition("=")[0] for argument in arguments}
    named = given if settings.on_change == "widen" else set()
    declared = _read(known["declared"])
    left = {
        name: kept
        for name, kept in _read(known["space"]).items()
        if declared.get(name) == space.distributions.get(name) and name not in named
    }
    found = _within(space, left)
    return found, known | _spaces(space, found)


def _spaces(declared: SearchSpace, found: SearchSpace) -> dict[str, Any]:
    return {
        "declared": declared.to_json()["distributions"],
        "space": found.to_json()["distributions"],
    }


def _known(settings: Settings) -> dict[str, Any] | None:
    """What the study has kept of it; None when it does not exist."""
    try:
        storage = open_storage(settings.storage, create=False, read_only=True)
        study_id = storage.get_study_id_from_name(settings.study_name)
    except (ValueError, KeyError):
        return None
    told = storage.get_study_user_attrs(study_id).get(ROUND)
    return told if isinstance(told, dict) and told.get("of") == settings.next_of else None


def _left_open(last: StudyRecord, space: SearchSpace) -> dict[str, BaseDistribution]:
    """Of the parameters that are declared as they were."""
    from zmodel.analysis.open_space import open_space  # only where it is asked

    if not last.comparable:
        raise ValueError(
            f"hydra.sweeper.next_of must name a study with a completed trial that keeps its "
            f"constraints, and {last.name!r} has none. Continue that study first."
        )
    told = last.attrs.get(ROUND)
    before = _read(told["declared"]) if isinstance(told, dict) else last.space
    return {
        name: left
        for name, left in open_space(last).items()
        if name in space.distributions and before.get(name) == space.distributions[name]
    }


def _read(told: Mapping[str, str]) -> dict[str, BaseDistribution]:
    return {name: json_to_distribution(text) for name, text in told.items()}


def _within(space: SearchSpace, left: dict[str, BaseDistribution]) -> SearchSpace:
    return replace(space, distributions={**space.distributions, **left})


def _say(of: str, declared: SearchSpace, found: SearchSpace) -> None:
    print(f"next round of {of}:")
    for name, now in found.distributions.items():
        before = declared.distributions[name]
        change = "as before" if now == before else f"of {in_words(before)}"
        print(f"  {name}: {in_words(now)} ({change})")


def _chain(last: StudyRecord) -> list[Any]:
    told = last.attrs.get(ROUND)
    chain = told.get("chain") if isinstance(told, dict) else None
    return chain if isinstance(chain, list) else []


def _summary(last: StudyRecord) -> dict[str, Any]:
    """Of a round that is over."""
    best = last.best_first[0]
    return {
        "study": last.name,
        "trials": len(last.trials),
        "completed": len(last.comparable),
        "best": best.value,
        "space": {name: distribution_to_json(d) for name, d in last.space.items()},
    }
