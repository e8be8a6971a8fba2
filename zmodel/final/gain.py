"""What the search gained over its baseline: both trained again, with the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from zmodel.final.choice import Candidate, choose


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
    interval: tuple[float, float] | None

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
    whole = [c for c in candidates if c.runs and not c.failed]
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
    return Gain(own.trial, rival.trial, len(better), fmean(better), _interval(better))


def _interval(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return fmean(values) - half, fmean(values) + half
