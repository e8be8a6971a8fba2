"""What the search gained over its baseline, with common seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zmodel.final.choice import Candidate, choose
from zmodel.final.scores import mean_and_interval


@dataclass(frozen=True)
class Gain:
    """The best other candidate against the baseline, on validation, by the seeds that both have.

    Attributes:
        trial: that candidate's number in the study.
        mean: how much better it is; below 0: worse, whichever way the metric is better.
        interval: of the mean, 95 %, Student's t; None for one seed.
    """

    baseline: int
    trial: int
    n: int
    mean: float
    interval: list[float] | None

    def to_json(self) -> dict[str, Any]:
        return {
            "trial": self.baseline,
            "rival": self.trial,
            "n": self.n,
            "gain": self.mean,
            "gain_ci": self.interval,
        }


def gain_over_baseline(
    candidates: Sequence[Candidate], baseline: int | None, maximize: bool
) -> Gain | None:
    """None where the study has no baseline, or it or all others failed with a seed."""
    whole = [c for c in candidates if c.may_win]
    own = next((c for c in whole if c.trial == baseline), None)
    others = [c for c in whole if c is not own]
    if own is None or not others:
        return None
    rival = choose(others, maximize)
    known = {run.seed: run.value for run in own.runs}
    sign = 1 if maximize else -1
    better = [sign * (run.value - known[run.seed]) for run in rival.runs if run.seed in known]
    if not better:
        return None
    mean, _, interval = mean_and_interval(better, -math.inf, math.inf)
    return Gain(own.trial, rival.trial, len(better), mean, interval)
