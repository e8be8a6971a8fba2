"""What a run is judged by: the metrics of ``optimized_metric``, and which way is better."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

RESULT_KEYS = ("parameters", "seconds", "epochs")
"""Entries of the result that may serve as an objective, beside the logged metrics."""
DIRECTIONS = {
    "acc": "maximize",
    "f1": "maximize",
    "loss": "minimize",
    **dict.fromkeys(RESULT_KEYS, "minimize"),
}


def metric_names(given: Any) -> list[str]:
    """``optimized_metric`` as a list: it may be a name, a list of names, or null."""
    if not given:
        return []
    return [given] if isinstance(given, str) else list(given)


def direction_of(metric: str) -> str | None:
    """``maximize`` or ``minimize``; ``None`` for a metric this program knows nothing of."""
    return DIRECTIONS.get(metric.rpartition("/")[2].removesuffix("_best"))


def study_directions(metrics: Any, given: Sequence[str] = ()) -> tuple[str, ...]:
    """``maximize`` or ``minimize`` for each metric a study optimises, as `given` or as known.

    Raises:
        ValueError: `given` does not fit the metrics, or a metric is unknown and nothing is given.
    """
    names = metric_names(metrics)
    if given and names and len(names) != len(given):
        raise ValueError(
            f"hydra.sweeper.direction needs one entry per metric of optimized_metric "
            f"({', '.join(names)}), received {', '.join(given)}; leave it null for known metrics."
        )
    for name, direction in zip(names, given, strict=False):
        if direction_of(name) not in (None, direction):
            raise ValueError(
                f"optimized_metric={name} is better when it is "
                f"{'larger' if direction == 'minimize' else 'smaller'}, received "
                f"hydra.sweeper.direction={direction}; leave it null, or set "
                f"hydra.sweeper.direction={direction_of(name)}."
            )
    if given:
        return tuple(given)
    found = [direction_of(name) for name in names]
    unknown = [name for name, direction in zip(names, found, strict=True) if direction is None]
    if unknown or not names:
        raise ValueError(
            "hydra.sweeper.direction must say which way is better for "
            f"optimized_metric={', '.join(unknown) or 'null'}, which this program does not know; "
            "set hydra.sweeper.direction=maximize or minimize."
        )
    return tuple(direction for direction in found if direction is not None)


def watch_objective(cfg: DictConfig, logged: Collection[str] | None) -> None:
    """Fill in what callbacks leave open: ``monitor: null`` is the first metric the run is judged
    by, as it is after every epoch (without ``_best``); ``mode: null`` the way it is better.

    So early stopping, the choice of the best weights and the reports to the study follow
    ``optimized_metric``, unless one is told otherwise.

    Args:
        logged: all metrics of a fit, of a module that declares them.

    Raises:
        ValueError: a metric that nothing logs, a mode that contradicts its metric, or none for a
            metric this program does not know.
    """
    names = [n for n in metric_names(cfg.optimized_metric) if n not in RESULT_KEYS]
    watched = [n for n in names if not n.startswith("test/")]
    for name in watched:
        _check_logged("optimized_metric", name, logged)
    for key, callback in cfg.callbacks.items():
        if not callback or "monitor" not in callback:
            continue
        if callback.monitor is None:
            callback.monitor = watched[0].removesuffix("_best") if watched else "val/acc"
        _check_logged(f"callbacks.{key}.monitor", callback.monitor, logged)
        if "mode" in callback:
            callback.mode = _mode(f"callbacks.{key}", callback.monitor, callback.mode)


def _check_logged(key: str, name: str, logged: Collection[str] | None) -> None:
    if logged is not None and name not in logged:
        raise ValueError(
            f"{key} must name a logged metric, got '{name}'. Logged: {', '.join(logged)}."
        )


def _mode(callback: str, monitor: str, given: str | None) -> str:
    known = direction_of(monitor)
    if known is None and given is None:
        raise ValueError(
            f"{callback}.mode must be min or max for {monitor}, which this program does not know, "
            f"got null. Set {callback}.mode=max if larger is better."
        )
    mode = (known or "")[:3] or given
    if given not in (None, mode):
        raise ValueError(
            f"{callback}.mode must be {mode} for {monitor}, got {given}. Leave it null, or monitor "
            "another metric."
        )
    assert mode is not None
    return mode


def values_of(cfg: DictConfig, result: Mapping[str, Any]) -> float | tuple[float, ...] | None:
    """The values of ``optimized_metric``; ``None`` when only testing, which logs none of it.

    Raises:
        ValueError: it was not logged.
    """
    found = {**result["metrics"], **{key: result[key] for key in RESULT_KEYS}}
    names = metric_names(cfg.optimized_metric)
    missing = [name for name in names if name not in found]
    if missing and not cfg.train:
        return None
    if missing:
        logged = ", ".join(sorted(result["metrics"])) or "none"
        raise ValueError(
            f"optimized_metric must name a logged metric, got '{missing[0]}'. Logged: {logged}."
        )
    values = tuple(float(found[name]) for name in names)
    return values if OmegaConf.is_list(cfg.optimized_metric) else next(iter(values), None)
