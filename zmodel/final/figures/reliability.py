"""The reliability diagram: accuracy against confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zmodel.analysis.page import axes, style
from zmodel.final.scores import calibration
from zmodel.final.summary import FinalResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Reliability"
QUESTION = "When the winner is 80 % sure, is it right in 80 % of the cases?"
SIZE = (style.WIDTH, 4.2)


@dataclass(frozen=True)
class Reliability:
    """Bins as :func:`zmodel.final.scores.calibration` makes them."""

    error: float
    bins: tuple[dict[str, Any], ...]
    samples: int


def data(result: FinalResult) -> Reliability:
    found = calibration(result.classified)
    bins = tuple(found["bins"])
    return Reliability(found["ece"], bins, round(sum(b["count"] for b in bins)))


def draw(record: Reliability, ax: Axes) -> None:
    upper, lower = style.panels(ax, 2, 1, height_ratios=[3, 1])
    filled = [b for b in record.bins if b["count"]]
    width = record.bins[0]["high"] - record.bins[0]["low"]
    middles = [(b["low"] + b["high"]) / 2 for b in filled]
    upper.bar(middles, [b["accuracy"] for b in filled], width * 0.92, color=style.ACCENT, alpha=0.4)
    upper.scatter(
        [b["confidence"] for b in filled],
        [b["accuracy"] for b in filled],
        s=24,
        color=style.ACCENT,
        zorder=3,
        label="bin: confidence, accuracy",
    )
    upper.plot([0, 1], [0, 1], color=style.MUTED, linestyle="--", label="calibrated network")
    upper.set_ylabel("accuracy")
    axes.legend_above(upper, 2)
    lower.bar(middles, [b["count"] for b in filled], width * 0.92, color=style.MUTED)
    axes.log_axis(lower, "y")
    lower.set_ylabel("samples")
    lower.set_xlabel("confidence in the predicted class")
    for panel in (upper, lower):
        panel.set_xlim(0, 1)


def rows(record: Reliability) -> list[dict[str, Any]]:
    return [dict(b) for b in record.bins]


def caption(record: Reliability) -> str:
    sure = sum(b["count"] * b["confidence"] for b in record.bins if b["count"]) / record.samples
    right = sum(b["count"] * b["accuracy"] for b in record.bins if b["count"]) / record.samples
    way = "less sure than it is right" if sure < right else "surer than it is right"
    return (
        f"Expected calibration error {record.error:.4f} over {record.samples:,} predictions of all "
        f"seeds, in {len(record.bins)} bins. Mean confidence {sure:.3f}, accuracy {right:.3f}: the "
        f"network is {way}. Below: how many predictions fall into each bin."
    )
