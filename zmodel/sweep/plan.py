"""Everything that is fixed about one start of a study, as plain picklable data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zmodel.sweep.sampling.policy import Policy
from zmodel.sweep.space.search_space import SearchSpace


@dataclass(frozen=True)
class Plan:
    """What controller and workers agree on. Field names follow the sweeper's configuration."""

    study_name: str
    folder: Path
    """Absolute path of logs/studies/<study_name>."""
    storage: str
    """As :func:`zmodel.study.storage.opening.open_storage` takes it."""
    directions: tuple[str, ...]
    n_trials: int
    n_jobs: int
    seed: int
    sampler: dict[str, Any]
    pruner: dict[str, Any] | None
    space: SearchSpace
    """Read once, where the study is started."""
    history: int | None = None
    """Most finished trials that the sampler learns from; ``None``: all."""
    coverage: dict[str, Any] = field(default_factory=dict)
    policy: Policy | None = None
    """Where the slots after the floors go; ``None``: the sampler has them all."""
    control: float = 0.0
    """Share of trials that run to their full allowance, to audit early stopping."""
    control_changes: dict[str, Any] = field(default_factory=dict)
    """What makes a trial a control: values set in its configuration."""
    max_failure_rate: float = 0.5
    max_attempts: int = 3
    on_change: str = "refuse"
    preflight: tuple[str, ...] | None = None
    """Overrides of the trial run before the first claim; ``None``: no preflight."""
    preload: tuple[str, ...] = ()
    since: tuple[int, int] = (0, 0)
    """Slots finished and failed when this command started: the failure limit counts from there."""
    started: float = 0.0
    """Unix time at which this command started: a stop request older than it is void."""
    fixed: dict[str, Any] | None = None
    """The fixed configuration at the start; a trial that composes to another is refused."""
