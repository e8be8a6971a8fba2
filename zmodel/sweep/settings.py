"""From the sweeper's configuration to a checked plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zmodel.core.arguments import names
from zmodel.study.folder import JOURNAL, study_folder
from zmodel.sweep.plan import Plan
from zmodel.sweep.sampling.policy import Policy
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.workers.pool import cores, gpu_ids


def make_plan(settings: dict[str, Any], space: SearchSpace, folder: Path) -> Plan:
    """Check the settings one by one; ``ValueError`` names the one that cannot work."""
    name = str(settings["study_name"] or folder.name)
    study_folder(folder.parent, name)  # a name that could leave the log folder is refused
    _choice("on_change", settings["on_change"], ("refuse", "continue"))
    for key in ("n_trials", "max_attempts"):
        _whole(key, settings[key], least=1)
    _whole("seed", settings["seed"], least=0)
    _whole("workers_per_gpu", settings["workers_per_gpu"], least=1)
    n_jobs = settings["n_jobs"]
    if n_jobs is None:
        n_jobs = len(gpu_ids()) * settings["workers_per_gpu"] or cores()
    _whole("n_jobs", n_jobs, least=0)
    preflight = settings["preflight"]
    directions = _directions(settings["direction"])
    return Plan(
        study_name=name,
        folder=folder,
        storage=str(settings["storage"] or folder / JOURNAL),
        directions=directions,
        n_trials=settings["n_trials"],
        n_jobs=n_jobs,
        seed=settings["seed"],
        sampler=settings["sampler"],
        pruner=settings["pruner"],
        space=space,
        history=_history(settings["history"], directions),
        coverage=settings["coverage"] or {},
        policy=_policy(settings, directions),
        control=share(settings["control"], "control"),
        control_changes=settings["control_changes"] or {},
        max_failure_rate=share(settings["max_failure_rate"], "max_failure_rate"),
        max_attempts=settings["max_attempts"],
        on_change=settings["on_change"],
        preflight=None if preflight is None else names("hydra.sweeper.preflight", preflight),
        preload=names("hydra.sweeper.preload", settings["preload"]),
    )


def share(given: Any, key: str) -> float:
    """``0.05`` or ``"5%"`` as .05; ``None`` as 0."""
    try:
        text = str(given or 0)
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"hydra.sweeper.{key} must be a share such as 0.05 or 5%, got {given!r}.")
    return value


def _policy(settings: Mapping[str, Any], directions: tuple[str, ...]) -> Policy | None:
    options = settings["policy"]
    if options is None:
        return None
    known = ("confidence", "share")
    if not isinstance(options, Mapping) or not set(options) <= set(known):
        raise ValueError(
            "hydra.sweeper.policy must be null or have the keys confidence and share, as in "
            f"{{confidence: 0.95, share: 0.5}}, got {options!r}."
        )
    if not settings["coverage"]:
        raise ValueError(
            "hydra.sweeper.policy chooses among the values that have floors, and there are none. "
            "Give some, as in hydra.sweeper.coverage={model.z_layers: 3}."
        )
    if len(directions) > 1:
        raise ValueError(
            "hydra.sweeper.policy needs one objective to tell who can still win, got "
            f"{len(directions)} directions. Set hydra.sweeper.policy=null."
        )
    shares = {key: share(options[key], f"policy.{key}") for key in known if key in options}
    return Policy(**shares, maximize=directions[0] == "maximize")


def _history(given: Any, directions: tuple[str, ...]) -> int | None:
    if given is None:
        return None
    _whole("history", given, least=100)  # TPE's good trials are a tenth, 25 at most
    if len(directions) > 1:
        raise ValueError(
            "hydra.sweeper.history keeps the best trials of one objective, got "
            f"{len(directions)} directions. Set hydra.sweeper.history=null."
        )
    return given


def _directions(given: Any) -> tuple[str, ...]:
    directions = (given,) if isinstance(given, str) else tuple(given)
    for direction in directions:
        _choice("direction", direction, ("minimize", "maximize"))
    return directions


def _choice(key: str, given: Any, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"hydra.sweeper.{key} must be {' or '.join(known)}, got {given!r}.")


def _whole(key: str, given: Any, least: int) -> None:
    if not isinstance(given, int) or isinstance(given, bool) or given < least:
        raise ValueError(
            f"hydra.sweeper.{key} must be a whole number of at least {least}, got {given!r}."
        )
