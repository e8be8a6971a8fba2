"""The most confused pairs of classes, with test samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zmodel.analysis.page import style
from zmodel.final.scores import Predictions, most_confused
from zmodel.final.summary import FinalResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Most confused pairs"
QUESTION = "What do the samples look like that the winner takes for another class?"
COLUMNS = 5


@dataclass(frozen=True)
class ConfusedPair:
    """Mistakes between two classes: their `count` over all seeds, and some `inputs` (M, ...) with
    their numbers in the test set."""

    true: str
    predicted: str
    count: int
    share: float
    numbers: tuple[int, ...]
    inputs: NDArray[np.float32]


@dataclass(frozen=True)
class Mistakes:
    pairs: tuple[ConfusedPair, ...]


def data(result: FinalResult) -> Mistakes:
    predictions = result.classified
    found = most_confused(result.counts, result.classes)
    return Mistakes(tuple(_pair(pair, predictions) for pair in found))


def _pair(pair: dict[str, Any], predictions: Sequence[Predictions]) -> ConfusedPair:
    """Examples of all seeds, every test sample once."""
    examples: dict[int, NDArray[np.float32]] = {}
    for seed in predictions:
        for index, x in zip(seed.mistakes, seed.inputs, strict=True):
            names = seed.classes[seed.labels[index]], seed.classes[seed.predicted[index]]
            if names == (pair["true"], pair["predicted"]):
                examples.setdefault(int(index), x)
    numbers = sorted(examples)[:COLUMNS]
    inputs = np.stack([examples[n] for n in numbers]) if numbers else np.zeros((0,), np.float32)
    return ConfusedPair(
        pair["true"], pair["predicted"], pair["count"], pair["share"], tuple(numbers), inputs
    )


def size(record: Mistakes) -> tuple[float, float]:
    return style.WIDTH, 0.4 + 1.15 * max(1, len(record.pairs))


def draw(record: Mistakes, ax: Axes) -> None:
    if not record.pairs:
        ax.text(0.5, 0.5, "no test sample was mistaken", ha="center", va="center")
        ax.set_axis_off()
        return
    panels = style.panels(ax, len(record.pairs), COLUMNS)
    for row, pair in enumerate(record.pairs):
        own = panels[row * COLUMNS : (row + 1) * COLUMNS]
        for panel in own:
            panel.set_axis_off()
        title = f"{pair.true} taken for {pair.predicted}, {pair.count} times"
        own[0].set_title(title, fontsize=8.5)
        for panel, x in zip(own, pair.inputs, strict=False):
            draw_sample(panel, x)


def draw_sample(ax: Axes, x: NDArray[np.float32]) -> None:
    """A vector or the channels of a signal as lines, an image in grey or colour."""
    if x.ndim == 3:
        picture = np.moveaxis(x[:3], 0, -1) if len(x) >= 3 else x[0]
        low, high = float(picture.min()), float(picture.max())
        ax.imshow((picture - low) / max(high - low, 1e-9), cmap="gray", rasterized=True)
        return
    for channel, color in zip(np.atleast_2d(x), (style.INK, style.MUTED, style.PALE), strict=False):
        ax.plot(channel, color=color, linewidth=1.1)


def rows(record: Mistakes) -> list[dict[str, Any]]:
    return [
        {
            "true": pair.true,
            "predicted": pair.predicted,
            "count": pair.count,
            "share": pair.share,
            "test_samples": " ".join(map(str, pair.numbers)),
        }
        for pair in record.pairs
    ]


def caption(record: Mistakes) -> str:
    return (
        "Counts are over all seeds. Samples are drawn as the network sees them, normalised; their "
        "numbers in the test set are in the table."
    )
