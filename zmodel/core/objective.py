"""The metrics of ``optimized_metric``, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from zmodel.core.metric_direction import direction_of
from zmodel.core.run_value import RESULT_KEYS, value_of

MODES = {"minimize": "min", "maximize": "max"}
USUAL = "minimize"
"""The direction of a task without ``optimized_metric``, unless another is given: as in Optuna."""

USUAL_LOSS = "val/loss"
"""The `loss` of callbacks that use one where it is logged."""

PART = re.compile(r"(val(id(ation)?)?|train(ing)?|test)(?=[^a-zA-Z0-9])")


def metric_names(given: Any) -> list[str]:
    """``optimized_metric`` as a list: it may be a name, a list of names, or null."""
    if not given:
        return []
    return [given] if isinstance(given, str) else list(given)


def counterpart_in_test(metric: str) -> str:
    """The same metric of the test: ``test/dice`` for ``val/dice_best``, ``test_loss`` for
    ``val_loss``, and ``test/NAME`` for a name that begins with no part of the data."""
    name = metric.removesuffix("_best")
    part = PART.match(name)
    return f"test{name[part.end() :]}" if part else f"test/{name}"


def followed(cfg: DictConfig) -> str:
    """The metric that callbacks follow, without ``_best``: the first one of the objective."""
    names = [n for n in metric_names(cfg.get("optimized_metric")) if n not in RESULT_KEYS]
    watched = [n for n in names if not n.startswith("test/")]
    return watched[0].removesuffix("_best") if watched else "val/acc"


# --- which way is better ---


def directions(cfg: DictConfig, given: Any) -> tuple[str, ...]:
    """``minimize`` or ``maximize`` for each metric of ``optimized_metric``.

    Args:
        given: ``hydra.sweeper.direction``: one, a list, or ``None``.

    Returns:
        of a configuration without ``optimized_metric``, what is given, else ``USUAL``.

    Raises:
        ValueError: they do not fit, contradict each other, or nothing says which way is better.
    """
    if "optimized_metric" not in cfg:  # of another program: its task returns what counts
        return tuple(str(way) for way in _as_list(given) or [USUAL])
    names = metric_names(cfg.get("optimized_metric"))
    wanted = _as_list(given) or [None] * len(names)
    if not names or len(names) != len(wanted):
        raise ValueError(
            f"hydra.sweeper.direction needs one entry per metric of optimized_metric "
            f"({', '.join(names) or 'none'}), got {', '.join(map(str, wanted)) or 'none'}."
        )
    return tuple(
        _one_way(cfg, name, {"hydra.sweeper.direction": direction} if direction else {})
        for name, direction in zip(names, wanted, strict=True)
    )


def curve_of(cfg: DictConfig, direction: Sequence[str]) -> tuple[str, str | None]:
    """The metric that a trial reports per epoch, and the way it is better; None if nothing says.

    Args:
        direction: of each metric of ``optimized_metric``.
    """
    if "optimized_metric" not in cfg:
        return "value", direction[0]
    metric = OmegaConf.select(cfg, "callbacks.study_report.monitor") or followed(cfg)
    for name, way in zip(metric_names(cfg.get("optimized_metric")), direction, strict=True):
        if name.removesuffix("_best") == metric.removesuffix("_best"):
            return metric, way
    try:
        return metric, _one_way(cfg, metric, {})
    except ValueError:
        return metric, None


def _as_list(given: Any) -> list[str | None]:
    if given is None or isinstance(given, str):
        return [given] if given else []
    if not OmegaConf.is_list(given) and not isinstance(given, list | tuple):
        given = [getattr(given, "name", given)]  # the stock sweeper's is an enumeration
    return [None if g is None else str(getattr(g, "name", g)) for g in given]


def _one_way(cfg: DictConfig, metric: str, said: dict[str, str]) -> str:
    """The way that its name, `said` (key -> direction) and the modes of callbacks agree on."""
    base = metric.removesuffix("_best")
    modes = {
        f"callbacks.{key}.mode": "minimize" if callback.mode == "min" else "maximize"
        for key, callback in _monitors(cfg)
        if callback.get("mode") and (callback.monitor or followed(cfg)) == base
    }
    by_name = direction_of(base)
    every = ({f"the name of {metric}": by_name} if by_name else {}) | said | modes
    if not every:
        raise ValueError(
            f"Nothing says which way {metric} is better. If a smaller value is better, set "
            "callbacks.checkpoint.mode=min (in a study, hydra.sweeper.direction=minimize does as "
            "well); if a larger one is, max (maximize)."
        )
    (first, way), *others = every.items()
    for key, other in others:
        if other != way:
            wanted, got = (MODES[d] if key.endswith(".mode") else d for d in (way, other))
            raise ValueError(
                f"{key} must be {wanted} for {metric}, got {got}: {first} says that a "
                f"{'smaller' if way == 'minimize' else 'larger'} value is better. Set it to null, "
                f"or {key}={wanted}."
            )
    return way


def _monitors(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """The callbacks that follow a metric, by their key."""
    callbacks = cfg.get("callbacks")
    found = callbacks.items() if OmegaConf.is_dict(callbacks) else ()
    return ((str(k), c) for k, c in found if OmegaConf.is_dict(c) and "monitor" in c)


def settle_monitors(cfg: DictConfig, logged: Collection[str] | None, given: Any = None) -> None:
    """Fill in the metric and the direction that callbacks leave open.

    ``monitor: null`` becomes what the run is judged by, ``mode: null`` its direction. So early
    stopping, the choice of the best weights and the reports to the study follow
    ``optimized_metric``, unless one of them is configured otherwise.

    Args:
        logged: all metrics of a fit, where they are known.
        given: ``hydra.sweeper.direction``, in a study.

    Raises:
        ValueError: a metric or loss that nothing logs, a mode that contradicts its metric, or none
            for a metric whose name does not say which way is better.
    """
    names = metric_names(cfg.get("optimized_metric"))
    for name in names:
        if name not in RESULT_KEYS and not name.startswith("test/"):
            _check_logged("optimized_metric", name, logged)
    wanted = _as_list(given)
    said = dict(zip((n.removesuffix("_best") for n in names), wanted, strict=False))
    for key, callback in _monitors(cfg):
        metric = callback.monitor or followed(cfg)
        _check_logged(f"callbacks.{key}.monitor", metric, logged)
        if _is_own(callback) and callback.get("loss") not in (None, USUAL_LOSS):
            _check_logged(f"callbacks.{key}.loss", callback.loss, logged)
        direction = said.get(metric)
        if "mode" in callback:
            way = _one_way(cfg, metric, {"hydra.sweeper.direction": direction} if direction else {})
            callback.mode = MODES[way]
        callback.monitor = metric


def _is_own(callback: DictConfig) -> bool:
    return str(callback.get("_target_")).startswith("zmodel.")


def _check_logged(key: str, name: str, logged: Collection[str] | None) -> None:
    if logged is not None and name not in logged:
        raise ValueError(
            f"{key} must name a logged metric, got '{name}'. Logged: "
            f"{', '.join(logged) or 'none'}." + _advice(key, name, logged)
        )


def _advice(key: str, name: str, logged: Collection[str]) -> str:
    """For ``val/acc_best`` where ``val/acc`` alone is logged."""
    plain = name.removesuffix("_best")
    known = plain != name and plain in logged
    return f" Set {key}={plain}: its value in the best epoch counts." if known else ""


# --- the value of a run ---


def values_of(cfg: DictConfig, result: Mapping[str, Any]) -> float | tuple[float, ...] | None:
    """The values of ``optimized_metric``; ``None`` when only testing, which logs none of it.

    Raises:
        ValueError: it was not logged.
    """
    values = {name: value_of(name, result) for name in metric_names(cfg.optimized_metric)}
    missing = [name for name, value in values.items() if value is None]
    if missing and not cfg.train:
        return None
    if missing:
        logged = ", ".join(sorted(result["metrics"])) or "none"
        raise ValueError(
            f"optimized_metric must name a logged metric, got '{missing[0]}'. Logged: {logged}."
            + _advice("optimized_metric", missing[0], result["metrics"])
        )
    found: tuple[Any, ...] = tuple(values.values())
    return found if OmegaConf.is_list(cfg.optimized_metric) else next(iter(found), None)
