"""What each part of `depth_halving` is worth: the rule with one constant changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from curve_tables.replay import Result, interval
from curve_tables.report import OUR_RULE, ByBudget, signed
from curve_tables.rules import Halving, Rule

CHANGES: tuple[tuple[str, float], ...] = (
    ("guarantee", 0), ("guarantee", 2), ("guarantee", 3), ("guarantee_from", 0.5),
    ("guarantee_from", 0.9), ("first_rung", 0.025), ("first_rung", 0.04), ("factor", 3.0),
    ("survivors", 1 / 3), ("survivors", 2 / 3), ("control_every", 10), ("control_every", 0),
)  # fmt: skip
RULES: dict[str, Callable[[], Rule]] = {
    OUR_RULE: Halving,
    **{f"{name}={value:.3g}": partial(Halving, **{name: value}) for name, value in CHANGES},
}


def against_shipped(settings: Mapping[str, ByBudget], budgets: Sequence[int]) -> str:
    """Each change against the rule as it is: mean over the budgets of each setting and over all."""
    lines = [f"| change | all | {' | '.join(settings)} | studies with a depth left behind |",
             "|---" * (len(settings) + 3) + "|"]  # fmt: skip
    for change in RULES:
        if change == OUR_RULE:
            continue
        found = [_gain([by[b] for b in budgets], change) for by in settings.values()]
        half = math.sqrt(sum(half**2 for _, half in found)) / len(found)
        mean = sum(mean for mean, _ in found) / len(found)
        left = [(by[b][change].left_behind > 0).mean() for by in settings.values() for b in budgets]
        cells = (change, signed(mean, half), *(signed(*one) for one in found))
        lines.append(f"| {' | '.join(cells)} | {np.mean(left):.0%} |")
    return "\n".join(lines)


def _gain(cells: Sequence[Mapping[str, Result]], change: str) -> tuple[float, float]:
    """Of one setting; its budgets are replayed on the same bootstrapped tables."""
    return interval(np.mean([cell[change].test - cell[OUR_RULE].test for cell in cells], axis=0))
