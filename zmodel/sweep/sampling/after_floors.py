"""The policy after the floors: spend trials where values can still win.

The rule. Let a value have k completed trials, B be the best of the whole study, and m the further
trials that would be forced on the value. It is given up when its chance of beating B in these m
trials is at most 1 - confidence. The chance of one trial is estimated from its best and spread,

    p = (j / k) (1 + (B - u) / (j s)) ** -j,

u being the median of its k results, j the number of those above u, and s their mean excess over
u. This is a peaks-over-threshold estimate (J. Pickands, Annals of Statistics 3, 1975) with an
exponential tail; the second factor is the exact chance that the next excess of an exponential
sample goes beyond B - u when s was estimated from j others, their ratio being F(2, 2j) (J. F.
Lawless, Technometrics 13, 1971). Few trials thus mean a wide tail. Scores that are bounded above,
such as accuracy, have lighter tails than an exponential: the rule errs on the side of keeping.

Two guards for late winners, whose first trials say little:

- nobody is given up before `LEAST` completed trials, whatever the floor;
- nobody is given up while still climbing: when its best came in the latter half of its trials.

Learning curves are never looked at, only where they end: a network that learns slowly at first
loses nothing. What no such rule can see is a value of which rare trials are excellent and all the
others alike; to see one with probability .95 the floor must be 3 / rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

from zmodel.core.arguments import share

LEAST = 10

Key = TypeVar("Key")


@dataclass(frozen=True)
class Policy:
    """After the floors: a share of the slots goes to the values still in the race, in turn.

    Attributes:
        confidence: .95 gives up a value that has at most a 5 % chance to win yet.
        share: the part of the slots after the floors that is forced; the sampler has the rest.
        maximize: whether larger objective values are better.
    """

    confidence: float = 0.95
    share: float = 0.5
    maximize: bool = True

    def __post_init__(self) -> None:
        for name in ("confidence", "share"):
            number = getattr(self, name)
            if not 0 < number < 1:
                raise ValueError(
                    f"hydra.sweeper.policy.{name} must lie between 0 and 1, got {number}."
                )

    def is_turn(self, slot: int) -> bool:
        """Whether the slot is one of the policy's; they are spread evenly."""
        return math.floor((slot + 1) * self.share) > math.floor(slot * self.share)

    def given_up(self, results: Mapping[Key, Sequence[float]], left: int) -> dict[Key, str]:
        """The keys that cannot win any more, with the reason in words.

        Args:
            results: objective values of the completed trials of each key, in order of time.
            left: slots left in the budget.
        """
        sign = 1.0 if self.maximize else -1.0
        scores = {key: [sign * value for value in row] for key, row in results.items()}
        best = max((max(row) for row in scores.values() if row), default=0.0)
        more = max(LEAST, math.ceil(left * self.share / max(1, len(scores))))
        lost = {}
        for key, row in scores.items():
            if len(row) < LEAST or max(row) == best or is_climbing(row):
                continue
            chance = win_chance(row, best, more)
            if chance <= 1 - self.confidence:
                lost[key] = (
                    f"best {sign * max(row):.4g} of {len(row)} trials: a chance of {chance:.1%} "
                    f"to beat {sign * best:.4g} in {more} more"
                )
        return lost


def read_policy(given: Any, coverage: Any) -> Policy | None:
    """A mapping with `confidence`, `share` or both, of a study with floors; ValueError for
    anything else."""
    if given is None:
        return None
    keys = ("confidence", "share")
    if not isinstance(given, Mapping) or not set(given) <= set(keys):
        raise ValueError(
            "hydra.sweeper.policy must be null or have the keys confidence and share, as in "
            f"{{confidence: 0.95, share: 0.5}}, received {given!r}."
        )
    if not coverage:
        raise ValueError(
            "hydra.sweeper.policy chooses among the values that have floors, and there are none; "
            "give some, as in hydra.sweeper.coverage={model.z_layers: 3}."
        )
    at = "hydra.sweeper.policy"
    shares: dict[str, Any] = {k: share(f"{at}.{k}", given[k]) for k in keys if k in given}
    return Policy(**shares)


def is_climbing(scores: Sequence[float]) -> bool:
    """Whether the best came in the latter half; false for all equal."""
    return scores.index(max(scores)) >= len(scores) / 2


def win_chance(scores: Sequence[float], best: float, more: int) -> float:
    """The chance that one of `more` further trials goes beyond `best`, by the rule above."""
    threshold = median(scores)
    excesses = [score - threshold for score in scores if score > threshold]
    if best <= threshold:
        return 1.0
    total = sum(excesses)
    if total == 0:
        return 0.0
    j = len(excesses)
    one = j / len(scores) * (1 + (best - threshold) / total) ** -j
    return -math.expm1(more * math.log1p(-one))
