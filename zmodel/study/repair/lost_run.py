"""Recovers a trial from the folder of its run.

Used when the journal does not know it any more.

Parameters are read from .hydra/overrides.yaml, values from result.json, the curve from
csv/metrics.csv, and what was searched and optimised from study.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    json_to_distribution,
)
from optuna.trial import TrialState

from zmodel.core.run_value import value_of
from zmodel.study.run_folder import read_metrics, read_result, result_attrs
from zmodel.study.study_json import read_study_json

KEPT = (
    "fingerprint", "provenance", "n_trials", "epochs", "stopping", "command", "coverage", "changes",
)  # fmt: skip
"""Entries of study.json that are attributes of the study too."""
UNREADABLE = object()


@dataclass(frozen=True)
class KnownStudy:
    """What is known of a study without its journal."""

    name: str | None = None
    address: str | None = None
    directions: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    space: Mapping[str, BaseDistribution] = field(default_factory=dict)
    prunes: bool = False
    pauses: bool = False
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> KnownStudy:
        """From study.json; what cannot be read of it is absent."""
        content = read_study_json(folder)
        fingerprint = content.get("fingerprint") or {}
        objective = fingerprint.get("objective") or []
        space = fingerprint.get("space") or {}
        return cls(
            name=content.get("study_name") or folder.name,
            address=content.get("storage"),
            directions=tuple(fingerprint.get("direction") or ()),
            objectives=(objective,) if isinstance(objective, str) else tuple(objective),
            space={name: json_to_distribution(json.dumps(d)) for name, d in space.items()},
            prunes=bool(content.get("pruner")),
            pauses=bool(content.get("stopping")),
            attrs={key: content[key] for key in KEPT if content.get(key)},
        )


@dataclass(frozen=True)
class LostRun:
    """One run; `values` is None when it came to no result, and `paused` if it may go on."""

    params: dict[str, Any] = field(default_factory=dict)
    values: tuple[float, ...] | None = None
    pruned: bool = False
    paused: bool = False
    curve: dict[int, float] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def state(self) -> TrialState:
        if self.values is None:
            return TrialState.WAITING if self.paused else TrialState.FAIL
        return TrialState.PRUNED if self.pruned else TrialState.COMPLETE

    @property
    def recorded_values(self) -> list[float] | None:
        """Those that a study keeps: a pruned trial has none."""
        return list(self.values or ()) if self.state == TrialState.COMPLETE else None


def read_run(folder: Path, known: KnownStudy) -> LostRun:
    """Whatever can be read; in results without `pruned`, a pruned run is known by its epochs."""
    result = read_result(folder)
    at_its_end = result.get("stopped_early") or result.get("epochs") == result.get("max_epochs")
    watched = known.objectives[0].removesuffix("_best") if known.objectives else ""
    curve = read_metrics(folder).get(watched, {})
    is_kept = (folder / "checkpoints" / "last.ckpt").is_file()
    overrides = folder / ".hydra" / "overrides.yaml"
    return LostRun(
        params=_params(overrides, known.space),
        values=_values(result, known),
        pruned=known.prunes and bool(result.get("pruned", not at_its_end)),
        paused=known.pauses and is_kept and bool(curve),
        curve=curve,
        attrs={**result_attrs(folder), "dir": str(folder)},
        started=_time(overrides),
        finished=_time(folder / "result.json"),
    )


def _time(path: Path) -> datetime | None:
    return datetime.fromtimestamp(path.stat().st_mtime) if path.is_file() else None


def _values(result: Mapping[str, Any], known: KnownStudy) -> tuple[float, ...] | None:
    if not isinstance(result.get("metrics"), dict):
        return None
    values = [value_of(name, result) for name in known.objectives]
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return tuple(finite) if finite and len(finite) == len(known.directions) else None


def _params(path: Path, space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    try:
        lines = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    texts = dict(str(line).split("=", 1) for line in lines or [] if "=" in str(line))
    found = {name: _value(texts[name], space[name]) for name in space if name in texts}
    return {name: value for name, value in found.items() if value is not UNREADABLE}


def _value(text: str, distribution: BaseDistribution) -> Any:
    """The value written as `text`; UNREADABLE when the space has no such value."""
    if isinstance(distribution, CategoricalDistribution):
        return _choice(text, distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    try:
        value = int(text) if isinstance(distribution, IntDistribution) else float(text)
    except ValueError:
        return UNREADABLE
    return value if distribution.low <= value <= distribution.high else UNREADABLE


def _choice(text: str, choices: Sequence[Any]) -> Any:
    """Hydra's text of a choice: a string is in quotes when it would mean something else."""
    plain = {"null": None, "true": True, "false": False}
    for choice in choices:
        named = text in plain and choice is plain[text]
        if named or (not isinstance(choice, str | bool | None) and repr(choice) == text):
            return choice
    quote = text[:1]
    in_quotes = len(text) > 1 and quote in "'\"" and text[-1] == quote
    bare = text[1:-1].replace(f"\\{quote}", quote) if in_quotes else text
    return next((choice for choice in (text, bare) if choice in choices), UNREADABLE)
