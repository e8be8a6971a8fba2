"""Shares of trials: their uncertainty and evenness."""

from __future__ import annotations

import math
from collections.abc import Sequence


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson score interval (Wilson 1927) of a share at 95 %; (0, 1) without observations."""
    if n == 0:
        return 0.0, 1.0
    z = 1.959964
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def evenness(counts: Sequence[int]) -> float:
    """Normalised Shannon entropy of counts: 1 when even, 0 when all are in one cell."""
    total = sum(counts)
    if total == 0 or len(counts) < 2:
        return 0.0
    shares = [n / total for n in counts if n]
    # the sum is -0.0 for a single cell
    return abs(sum(p * math.log(p) for p in shares)) / math.log(len(counts))
