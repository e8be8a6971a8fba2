"""The axis of the objective; values near 1 get a log scale of errors.

Among accuracies of .99 and .994 a bad trial of .73 would leave no room. Their errors, .01 and .006,
differ by a factor that a logarithmic axis shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.analysis.page.axes import STEPS, clipped, log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HIGH = 0.9
"""From this best value on the errors are drawn, not the values."""
RATIO = 3.0
"""So many times the best trial's error must the worst one's be: else a plain axis shows as much."""
FINE = ((1, 1.5, 2, 3, 5, 7), *STEPS)


def error_floor(values: Iterable[float | None], maximize: bool) -> float | None:
    """The least error that the axis shows, for a log scale of errors; None: the axis is plain."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if not maximize or not known or min(known) < 0 or not HIGH <= max(known) <= 1:
        return None
    errors = [1 - v for v in known if v < 1]
    floor = min(errors, default=1.0) / (2 if max(known) == 1 else 1)
    return floor if max(errors, default=0.0) >= RATIO * floor else None


def value_axis(
    ax: Axes, name: str, values: Iterable[float | None], maximize: bool, axis: str = "y"
) -> None:
    """Label and scale an axis of the objective's `values`; the label says when it is of errors."""
    shown = [v for v in values if v is not None and math.isfinite(v)]
    name, floor = clipped(name, 28), error_floor(shown, maximize)
    if floor is None:
        getattr(ax, f"set_{axis}label")(name)
        return
    top = 1 - min(shown)
    low, high = floor / 1.15, min(1.0, top * 1.15)

    def forward(value: Any) -> Any:
        return -np.log10(np.clip(1 - np.asarray(value, dtype=float), low / 10, None))

    def backward(place: Any) -> Any:
        return 1 - 10.0 ** -np.asarray(place, dtype=float)

    getattr(ax, f"set_{axis}scale")("function", functions=(forward, backward))
    getattr(ax, f"set_{axis}lim")(1 - high, 1 - low)
    ticks = error_ticks(low, high)
    getattr(ax, f"{axis}axis").set_ticks(ticks, [f"{tick:.6g}" for tick in ticks])
    getattr(ax, f"set_{axis}label")(f"{name} (log error)")


def error_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Values whose errors are round numbers from `low` to `high`, at most `most` of them."""
    return [1 - error for error in log_ticks(low, high, most, FINE)]
