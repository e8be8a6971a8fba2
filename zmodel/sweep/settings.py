"""Settings of a study, read from ``hydra.sweeper``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from zmodel.core.arguments import at_least, known, names, share
from zmodel.core.names import folder_name
from zmodel.core.objective import USUAL, curve_of, directions
from zmodel.study.constraints import Constraint, parse_constraints
from zmodel.study.folder import JOURNAL, SUBDIR
from zmodel.sweep.from_config import build, plain
from zmodel.sweep.launch.hardware import cores, gpu_ids
from zmodel.sweep.roles import read_roles
from zmodel.sweep.sampling.after_floors import Policy, read_policy
from zmodel.sweep.stop_rule import StopRule, read_stop
from zmodel.sweep.stopping.depth_halving import DepthHalving


@dataclass(frozen=True)
class Settings:
    """Checked settings. Fields are the keys of conf/hydra/sweeper/zmodel.yaml, described there."""

    folder: Path
    """Absolute path of the study's folder, ``hydra.sweep.dir``; no key, as the last three."""
    study_name: str
    storage: str
    """As :func:`zmodel.study.storage.opening.open_storage` takes it."""
    direction: tuple[str, ...]
    """Per objective; empty until :func:`settled` has seen what is optimised."""
    n_trials: int | None
    epochs: int | None
    hours: float | None
    """Of this command."""
    stop: StopRule | None
    n_jobs: int
    workers_per_gpu: int
    seed: int
    sampler: dict[str, Any]
    pruner: dict[str, Any] | None
    stopping: DepthHalving | None
    params: dict[str, Any]
    custom_search_space: str | None
    coverage: dict[str, Any]
    policy: Policy | None
    roles: dict[str, str]
    control: float
    replicate: float
    control_changes: dict[str, Any]
    baseline: bool
    enqueue: list[dict[str, Any]] | None
    from_study: str | None
    next_of: str | None
    history: int | None
    constraints: tuple[Constraint, ...]
    sizes: str | None
    max_failure_rate: float
    max_attempts: int
    trial_timeout: float | None
    on_change: str
    preflight: tuple[str, ...] | None
    preload: tuple[str, ...]
    subdir: str = SUBDIR
    """``hydra.sweep.subdir`` as it is written: where a trial runs, below the folder."""
    return_to: tuple[str, ...] = ()
    """Overrides that the same command needs to find the study again."""
    paid: int | None = None
    """Trials that a budget of epochs pays for even if each takes all it may."""

    @property
    def sure_trials(self) -> int:
        """Trials that the budget surely has room for: floors must fit into them."""
        return min(n for n in (self.n_trials, self.paid) if n is not None)


NO_PRUNER = "optuna.pruners.NopPruner"
NO_KEYS = ("folder", "subdir", "return_to", "paid")
KEYS = tuple(field.name for field in fields(Settings) if field.name not in NO_KEYS)


def read_settings(given: Mapping[str, Any], folder: Path) -> Settings:
    """Check the settings one by one; ``null`` becomes what it stands for.

    Raises:
        ValueError: names the one that cannot work, and for an unknown one the nearest known.
    """
    for key in given:
        known("a key of hydra.sweeper", key, KEYS)
    missing = ", ".join(key for key in KEYS if key not in given)
    if missing:
        raise ValueError(f"hydra.sweeper needs {missing}. Start from hydra/sweeper=zmodel.")
    name = folder.name if given["study_name"] is None else given["study_name"]
    folder_name(name, "hydra.sweeper.study_name")  # none that could leave the log folder
    known("hydra.sweeper.on_change", given["on_change"], ("refuse", "widen", "continue"))
    _check_baseline(given["baseline"])
    _check_numbers(given)
    preflight = given["preflight"]
    read = {
        "study_name": name,
        "storage": str(given["storage"] or folder / JOURNAL),
        "direction": _direction(given["direction"]),
        "n_jobs": _workers(given["n_jobs"], given["workers_per_gpu"]),
        "stopping": _stopping(given["stopping"]),
        "stop": read_stop(given["stop"]),
        "params": given["params"] or {},
        "coverage": given["coverage"] or {},
        "policy": read_policy(given["policy"], given["coverage"]),
        "roles": read_roles(given["roles"]),
        "control": share("hydra.sweeper.control", given["control"]),
        "replicate": share("hydra.sweeper.replicate", given["replicate"]),
        "control_changes": given["control_changes"] or {},
        "max_failure_rate": share("hydra.sweeper.max_failure_rate", given["max_failure_rate"]),
        "constraints": parse_constraints(given["constraints"]),
        "preflight": None if preflight is None else names("hydra.sweeper.preflight", preflight),
        "preload": names("hydra.sweeper.preload", given["preload"]),
    }
    return Settings(folder=folder, **{**given, **read})


def _check_baseline(given: Any) -> None:
    if not isinstance(given, bool):
        raise ValueError(
            f"hydra.sweeper.baseline must be true or false, received {given!r}; to try "
            "configurations of your own first, use hydra.sweeper.enqueue."
        )


def _check_numbers(given: Mapping[str, Any]) -> None:
    for key in ("max_attempts", "workers_per_gpu"):
        at_least(f"hydra.sweeper.{key}", given[key], 1)
    budgets = [key for key in ("n_trials", "epochs") if given[key] is not None]
    if not budgets:
        raise ValueError(
            "hydra.sweeper needs a budget, received n_trials=null and epochs=null; use for example "
            "hydra.sweeper.n_trials=30, or hydra.sweeper.epochs=1600 for a rule that pauses trials."
        )
    for key in budgets:
        at_least(f"hydra.sweeper.{key}", given[key], 1)
    at_least("hydra.sweeper.seed", given["seed"], 0)
    if given["history"] is not None:
        at_least("hydra.sweeper.history", given["history"], 100)  # TPE's good trials are a tenth
    for key, unit, example in (("trial_timeout", "seconds", 3600), ("hours", "hours", 8)):
        value = given[key]
        if value is not None and (isinstance(value, bool | str) or not value > 0):
            raise ValueError(
                f"hydra.sweeper.{key} must be null or a number of {unit} above 0, received "
                f"{value!r}; use for example hydra.sweeper.{key}={example}."
            )


def settled(settings: Settings, cfg: DictConfig) -> Settings:
    """With the directions in which the metrics of a trial's configuration are better.

    Raises:
        ValueError: what says them contradicts itself, or a setting needs one objective.
    """
    direction = directions(cfg, settings.direction)
    if not settings.direction and "optimized_metric" not in cfg:
        print(f"note: hydra.sweeper.direction={USUAL}, since nothing says otherwise.")
    idle = (settings.pruner or {}).get("_target_", NO_PRUNER) == NO_PRUNER
    for key in ("policy", "history", "stop", *([] if idle else ["pruner"])):
        if len(direction) > 1 and getattr(settings, key) is not None:
            raise ValueError(
                f"hydra.sweeper.{key} needs one objective to tell which trials are best, received "
                f"{len(direction)} of them; set hydra.sweeper.{key}=null."
            )
    if settings.stopping and settings.stop and settings.stop.gain is not None:
        raise ValueError(
            "hydra.sweeper.stop.gain needs trials that run to their own end, received "
            "hydra.sweeper.stopping, which chooses those that do; use hydra.sweeper.stop.hours."
        )
    if not idle:
        _check_curve(cfg, direction)
    if settings.control:
        _check_changes(cfg, settings.control_changes)
    policy = settings.policy
    if policy is not None:
        policy = replace(policy, maximize=direction[0] == "maximize")
    return replace(settings, direction=direction, policy=policy)


def _check_curve(cfg: DictConfig, direction: Sequence[str]) -> None:
    """A pruner compares what trials report by the study's direction."""
    metric, way = curve_of(cfg, direction)
    if len(direction) == 1 and way != direction[0]:
        known = f"is better when it is {'larger' if way == 'maximize' else 'smaller'}"
        raise ValueError(
            f"hydra.sweeper.pruner needs a metric per epoch that is better as optimized_metric="
            f"{cfg.optimized_metric} is, {direction[0]}; trials report {metric}, "
            f"{'which ' + known if way else 'and nothing says which way that is better'}. "
            "Set callbacks.study_report.monitor to another metric, or hydra.sweeper.pruner=null."
        )


def _check_changes(cfg: DictConfig, changes: Mapping[str, Any]) -> None:
    """A control differs from other trials in what is configured for all of them."""
    if not changes:
        raise ValueError(
            "hydra.sweeper.control needs hydra.sweeper.control_changes, what a control gets "
            "instead of the configured values, got none; set it, as in "
            "{callbacks.early_stopping.patience: 1000000}, or hydra.sweeper.control=null."
        )
    missing = [k for k in changes if OmegaConf.select(cfg, k.rpartition(".")[0] or k) is None]
    if missing:
        raise ValueError(
            f"hydra.sweeper.control_changes must set what every trial has, received {missing[0]}, "
            f"of which there is no {missing[0].rpartition('.')[0] or missing[0]}; add it, name "
            "another key, or do without controls: hydra.sweeper.control=null."
        )


def _workers(given: int | None, per_gpu: int) -> int:
    n_jobs = len(gpu_ids()) * per_gpu or cores() if given is None else given
    at_least("hydra.sweeper.n_jobs", n_jobs, 0)
    return n_jobs


def _direction(given: Any) -> tuple[str, ...]:
    directions = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    for direction in directions:
        known("hydra.sweeper.direction", direction, ("minimize", "maximize"))
    return directions


def _stopping(given: Any) -> DepthHalving | None:
    """A node with `_target_`, null for none, or the name of a file of its group."""
    if isinstance(given, str):
        known("hydra.sweeper.stopping", given, ("none", "depth_halving"))
        return DepthHalving() if given == "depth_halving" else None
    if not given or ("_target_" in given and given["_target_"] is None):
        return None
    if "_target_" not in given:
        raise ValueError(
            f"hydra.sweeper.stopping must say which rule it sets {', '.join(given)} for; add "
            "hydra/sweeper/stopping=depth_halving to the command."
        )
    rule = build(plain(given))
    if not isinstance(rule, DepthHalving):
        raise ValueError(
            f"hydra.sweeper.stopping must be none or depth_halving, got {given['_target_']}. A "
            "pruner belongs to hydra.sweeper.pruner."
        )
    return rule
