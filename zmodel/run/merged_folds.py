"""One result of all folds of a cross-validated run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zmodel.core.metric_direction import direction_of
from zmodel.run.result import validation

Result = dict[str, Any]
Course = dict[str, Any]
Curve = dict[int, float]
"""Value of a metric by epoch."""

COURSE = "course"
"""Key of a fold's result until all are trained: its curves, and what its kept epoch is best by."""


def merged(done: list[Result]) -> Result:
    """One result of all folds, with the keys of a single one and `folds`."""
    most = [result["max_epochs"] for result in done]
    result = {
        **done[0],
        "metrics": _means(done, "metrics"),
        **_kept(done),
        "epochs": sum(result["epochs"] for result in done),
        "max_epochs": None if None in most else sum(most),
        "stopped_early": any(result["stopped_early"] for result in done),
        "cooled_from": None,
        "checkpoint": None,
        "folds": [{k: v for k, v in result.items() if k != COURSE} for result in done],
    }
    result.pop(COURSE, None)
    for name in [name for name in result["metrics"] if name.endswith("_best")]:
        curve, way = mean_curve(done, of := name.removesuffix("_best")), direction_of(of)
        if curve and way:
            best = max if way == "maximize" else min
            result["metrics"][name] = best(curve.values())
    if "confusion_matrix" in result:
        counts = [np.array(r["confusion_matrix"]["counts"]) for r in done]
        total = np.sum(counts, axis=0).tolist()
        result["confusion_matrix"] = {**result["confusion_matrix"], "counts": total}
    if "predictions" in result:
        parts = [r["predictions"] for r in done]
        lists = {key: [row for p in parts for row in p[key]] for key in ("true", "predicted")}
        samples = sum(p["samples"] for p in parts)
        result["predictions"] = {**result["predictions"], "samples": samples, **lists}
    return result | validation(result)


def mean_curve(done: list[Result], metric: str) -> Curve:
    """Mean of the folds after each epoch; a fold that has ended stays as it ended.

    To six digits. Empty where a fold has no such curve; without the epochs in which one is not
    finite.
    """
    curves = [result.get(COURSE, {}).get("curves", {}).get(metric) for result in done]
    if not all(curves):
        return {}
    first = max(min(curve) for curve in curves)
    epochs = [epoch for epoch in sorted(set().union(*curves)) if epoch >= first]
    held = np.array([_held(curve, epochs) for curve in curves])
    # folds are means of single precision: equal ones in all differ in the seventh digit
    means = [float(f"{mean:.6g}") for mean in held.mean(0)]
    return {e: mean for e, mean in zip(epochs, means, strict=True) if np.isfinite(mean)}


def _held(curve: Curve, epochs: list[int]) -> list[float]:
    known = sorted(curve)
    places = np.searchsorted(known, epochs, side="right") - 1
    return [curve[known[place]] for place in places]


def _kept(done: list[Result]) -> Result:
    """The best epoch of the mean curve and the metrics in it.

    Without a curve the means over the best epochs of the folds."""
    own = [result["best_epoch"] for result in done if result["best_epoch"] is not None]
    kept: Result = {
        "best_metrics": _means(done, "best_metrics"),
        "best_epoch": round(float(np.mean(own))) if own else None,
    }
    metric, mode, *loss = done[0].get(COURSE, {}).get("kept_by") or (None, None)
    curve = mean_curve(done, metric) if metric else {}
    if not curve:
        return kept
    sign = -1 if mode == "max" else 1
    losses = mean_curve(done, loss[0]) if loss and loss[0] else {}
    best = min(curve, key=lambda epoch: (sign * curve[epoch], losses.get(epoch, math.inf)))
    metrics = {k: mean_curve(done, k).get(best, v) for k, v in kept["best_metrics"].items()}
    return {"best_metrics": metrics, "best_epoch": best}


def _means(done: list[Result], part: str) -> dict[str, float]:
    """Of the metrics in this part of the results."""
    return {name: float(np.mean([r[part][name] for r in done])) for name in done[0][part]}
