"""Accuracy, confusion and calibration of a tested classifier.

Shapes: S seeds, N test samples, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Of the reliability diagram, equally wide: Guo et al., On Calibration of Modern Neural Networks,
ICML 2017."""


@dataclass(frozen=True)
class Predictions:
    """What :class:`zmodel.callbacks.save_predictions.SavePredictions` wrote for one seed."""

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    mistakes: NDArray[np.int64]
    inputs: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None
    """(N,) by which samples count; None: all alike."""

    @classmethod
    def read(cls, path: Path) -> Predictions:
        with np.load(path, allow_pickle=False) as file:
            classes = tuple(map(str, file["classes"]))
            probabilities = file["probabilities"]
            classes = classes or tuple(map(str, range(probabilities.shape[1])))
            labels, mistakes, inputs = file["labels"], file["mistakes"], file["inputs"]
            return cls(probabilities, labels, classes, mistakes, inputs, file.get("weights"))

    @property
    def outputs(self) -> NDArray[np.float32]:
        """What a deployed model gives."""
        return self.probabilities

    @property
    def accuracy(self) -> float:
        return float(np.average(self.predicted == self.labels, weights=self.weights))

    @property
    def predicted(self) -> NDArray[np.int64]:
        return self.probabilities.argmax(axis=1)

    def confusion(self) -> NDArray[Any]:
        """(C, C) counts, or sums of weights: rows true, columns predicted."""
        size, place = len(self.classes), self.labels * len(self.classes) + self.predicted
        counts = np.bincount(place, self.weights, size**2).reshape(size, size)
        return counts.round(3)


def mean_and_interval(
    values: Sequence[float], low: float = 0.0, high: float = 1.0
) -> tuple[float, float, list[float] | None]:
    """Mean, sample standard deviation, 95 % interval of the mean (Student's t; None for one).

    The interval ends where the values do, shares at 0 and 1.
    """
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return mean, 0.0, None
    from scipy.stats import t

    std = float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, n - 1)) * std / n**0.5
    return mean, std, [max(low, mean - half), min(high, mean + half)]


def per_class(counts: NDArray[Any], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall, F1 of each class over all seeds; `support` is the sum of its row."""
    hits, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    precision, recall = _shares(hits, predicted), _shares(hits, true)
    f1 = _shares(2 * hits, true + predicted)
    return [
        {
            "class": name,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "support": told(true[i]),
        }
        for i, name in enumerate(classes)
    ]


def _shares(hits: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    """0 of nothing."""
    return hits / np.where(of > 0, of, 1)


def told(count: Any) -> float:
    """A count as it is, a sum of weights with three digits."""
    return int(count) if count == int(count) else round(float(count), 3)


def most_confused(
    counts: NDArray[Any], classes: Sequence[str], most: int = 5
) -> list[dict[str, Any]]:
    """Ordered pairs with the most mistakes; `share` is of the true class's samples."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(k) // len(classes), int(k) % len(classes)) for k in order]
    return [
        {
            "true": classes[i],
            "predicted": classes[j],
            "count": told(wrong[i, j]),
            "share": float(wrong[i, j] / counts[i].sum()),
        }
        for i, j in pairs
        if wrong[i, j]
    ]


def calibration(predictions: Sequence[Predictions]) -> dict[str, Any]:
    """Expected calibration error of the predicted class over all seeds, and the bins behind it.

    A bin holds the samples whose confidence lies in (low, high]; empty bins have no accuracy. The
    count of a bin is the sum of its samples' weights.
    """
    confidence = np.concatenate([p.probabilities.max(axis=1) for p in predictions])
    correct = np.concatenate([p.predicted == p.labels for p in predictions])
    alike = np.ones(len(predictions[0].labels))
    weights = np.concatenate([alike if p.weights is None else p.weights for p in predictions])
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, BINS - 1)
    bins: list[dict[str, Any]] = []
    error = 0.0
    for i in range(BINS):
        inside = place == i
        count, sure, right = weights[inside].sum(), None, None
        if count > 0:
            sure = float(np.average(confidence[inside], weights=weights[inside]))
            right = float(np.average(correct[inside], weights=weights[inside]))
            error += float(count / weights.sum()) * abs(sure - right)
        bins.append({"low": float(edges[i]), "high": float(edges[i + 1]), "count": told(count),
                     "confidence": sure, "accuracy": right})  # fmt: skip
    return {"ece": error, "bins": bins}
