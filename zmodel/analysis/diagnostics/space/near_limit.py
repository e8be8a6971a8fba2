"""Which trials are near a limit of the study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zmodel.study.constraints import Constraint

NEAR, LARGEST = 0.75, 0.25
"""From this part of its limit on, an amount is near it, and so is this part of the feasible ones,
the largest: sizes spread over decades, and few come near a limit."""


def near_limit(constraint: Constraint, feasible: Mapping[int, float | None]) -> set[int]:
    """The numbers of those that are near; `feasible`: amounts by the number of the trial."""
    way = -1 if constraint.least else 1
    amounts = {n: way * v for n, v in feasible.items() if v is not None}
    if constraint.limit <= 0 or not amounts:
        return set()
    edge = constraint.limit / NEAR if constraint.least else NEAR * constraint.limit
    largest = float(np.quantile([*amounts.values()], 1 - LARGEST))
    return {n for n, v in amounts.items() if v >= min(way * edge, largest)}
