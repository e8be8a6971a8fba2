"""The rule of the race: rounds of a few runs each, until one is left.

The search already has one value of every candidate. A run adds one with a new seed, and candidates
take the seeds in the same order. The values follow a model of two terms, candidate + seed, fitted
by least squares: candidates are compared as if all had run with the same seeds. The search counts
as one more seed. What is left over is noise, pooled over all candidates.

Each round runs the leader, unless it has run more often than they have, and those next to it. A
candidate that is further behind than noise explains leaves the race, and so does one whose mean
breaks a constraint of the study. Measured against rivals in docs/measured/final_stage.md.

Scores are values whose sign makes larger ones better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

BASELINE = 3
"""Runs that the baseline gets at least, beside the budget, so that the gain has an interval; where
it leads, the best other has as many."""
TESTED = 5
"""Runs that the winner gets where the budget has some left: each is tested once."""
LEAST = 3
"""New runs without which nobody wins while others have them."""

Scores = Sequence[Sequence[float] | None]
"""For each candidate its scores by new seed, in their order; None: a run of it failed, or it breaks
a constraint."""

NONE: Mapping[tuple[int, int], Sequence[float]] = {}


@dataclass(frozen=True)
class Position:
    """How a candidate stands in the race.

    `score`: as if with all seeds; `behind`: how far behind the leader, with the standard `error`
    of this; `able`: it can still win; `runs`: with new seeds."""

    score: float
    behind: float
    error: float
    able: bool
    runs: int


@dataclass(frozen=True)
class Race:
    """The rules of one race.

    Attributes:
        search: what each candidate scored in the search.
        baseline: which candidate is the baseline of the study, None for none.
        budget: of runs, without those that the baseline gets when it has left.
        confidence: at which a candidate must be worse than the leader to leave.
        per_round: most runs of a round.
    """

    search: tuple[float, ...]
    baseline: int | None = None
    budget: int = 15
    confidence: float = 0.9
    per_round: int = 3

    def schedule(
        self,
        done: Mapping[tuple[int, int], float | None],
        beyond: Mapping[tuple[int, int], Sequence[float]] = NONE,
    ) -> list[tuple[int, int]]:
        """All runs so far, as (candidate, seed), and those of the round that is on.

        Args:
            done: score of every run that has ended, None of one that failed. Others may be in it.
            beyond: how far a run is beyond each constraint of the study; above 0 breaks it.

        The race is over when every run that is returned is done. It depends on scores alone, never
        on who ran what when.
        """
        runs: list[tuple[int, int]] = []
        while True:
            scores = self.scores(runs, done, beyond)
            further = self.next_round(scores, len(runs))
            runs += further
            if not further or any(run not in done for run in further):
                return runs

    def scores(
        self,
        runs: Sequence[tuple[int, int]],
        done: Mapping[tuple[int, int], float | None],
        beyond: Mapping[tuple[int, int], Sequence[float]] = NONE,
    ) -> list[list[float] | None]:
        """The scores of `runs`, all of which are done; None for a candidate that is out."""
        found: list[list[float] | None] = []
        for candidate in range(len(self.search)):
            own = [run for run in runs if run[0] == candidate]
            known = [score for run in own if (score := done[run]) is not None]
            excess = [beyond[run] for run in own if run in beyond]
            broken = any(sum(each) > 0 for each in zip(*excess, strict=True))
            found.append(known if len(known) == len(own) and not broken else None)
        return found

    def next_round(self, scores: Scores, spent: int) -> list[tuple[int, int]]:
        """Runs of the next round as (candidate, seed), after `spent` runs; none when it is over."""
        standings = self.standings(scores)
        if not standings:
            return []
        left = self.budget - spent
        first = min(standings, key=lambda i: (standings[i].behind, i))
        chosen = self._chosen(standings, first, min(left, self.per_round))
        if not chosen:
            return self._last(standings, first, left)
        each = 2 if len(chosen) == 2 and left >= 4 else 1  # fewer, longer rounds at the end
        return [(i, standings[i].runs + k) for k in range(each) for i in chosen]

    def _last(
        self, standings: Mapping[int, Position], first: int, left: int
    ) -> list[tuple[int, int]]:
        """When it is decided: runs by which the baseline, and the test, have an interval."""
        wanted = {first: min(TESTED, standings[first].runs + max(0, left))}
        own = self.baseline
        if own is not None and own in standings and len(standings) > 1:
            if own == first:  # whoever has run most: another may not win
                others = [i for i in standings if i != own]
                own = min(others, key=lambda i: (-standings[i].runs, standings[i].behind, i))
            wanted[own] = max(BASELINE, wanted.get(own, 0))
        return [(i, k) for i, most in wanted.items() for k in range(standings[i].runs, most)]

    def _chosen(self, standings: Mapping[int, Position], first: int, most: int) -> list[int]:
        """The leader and who can still win, the likeliest first; nobody when that is decided."""
        rivals = [i for i in standings if i != first and standings[i].able]
        if most <= 0 or not rivals:
            return []
        rivals.sort(key=lambda i: (_deviations(standings[i]), i))
        least = max(standings[i].runs for i in rivals[:most])
        leading = [first] if standings[first].runs <= least else []
        return [*leading, *rivals][:most]

    def standings(self, scores: Scores) -> dict[int, Position]:
        """By candidate, of those without a failed run; nobody has left before the second round."""
        racing = [i for i, own in enumerate(scores) if own is not None]
        if not racing:
            return {}
        rows = [[self.search[i], *(scores[i] or ())] for i in racing]
        effects, covariance, freedom = _fitted(rows)
        first = int(np.argmax(effects))
        found = {}
        for k, i in enumerate(racing):
            variance = covariance[k, k] + covariance[first, first] - 2 * covariance[k, first]
            behind, error = float(effects[first] - effects[k]), math.sqrt(max(0.0, variance))
            limit = quantile(self.confidence, freedom) * error if freedom else math.inf
            found[i] = Position(float(effects[k]), behind, error, behind <= limit, len(rows[k]) - 1)
        return found


def eligible(runs: Sequence[int]) -> int:
    """How many runs a candidate must have to win, when candidates have so many."""
    return min(LEAST, max(runs))


def _deviations(standing: Position) -> float:
    if standing.behind == 0:
        return 0.0
    return standing.behind / standing.error if standing.error else math.inf


def _fitted(rows: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray, int]:
    """Score of each candidate, their covariance, degrees of freedom of the noise.

    Without a degree of freedom the covariance has the unit of one run.
    """
    where = [(i, s) for i, row in enumerate(rows) for s in range(len(row))]
    seeds = max(map(len, rows))
    design = np.zeros((len(where), len(rows) + seeds - 1))
    for at, (candidate, seed) in enumerate(where):
        design[at, candidate] = 1
        if seed:
            design[at, len(rows) + seed - 1] = 1
    values = np.array([rows[i][s] for i, s in where])
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ values
    freedom = len(where) - design.shape[1]
    noise = float(np.sum((values - design @ found) ** 2)) / freedom if freedom else 1.0
    # levels of the seeds are differences to the search: back to the mean of all
    level = float(np.sum(found[len(rows) :])) / seeds
    effects = found[: len(rows)] + level
    return effects, inverse[: len(rows), : len(rows)] * noise, freedom


@lru_cache(maxsize=1000)
def quantile(confidence: float, freedom: int) -> float:
    """Of Student's t."""
    from scipy.stats import t

    return float(t.ppf(confidence, freedom))
