"""Giving up values that cannot win: losers go, the late winner stays."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from zmodel.sweep.sampling.after_floors import LEAST, Policy, is_climbing, win_chance

Trial = Callable[[int, random.Random], float]
"""The result of a value's t-th trial."""


def tuned(ceiling: float, spread: float) -> Trial:
    """What a search sees: a ceiling, and most configurations below it."""
    return lambda t, rng: ceiling - rng.expovariate(1 / spread)


def slow(start: float, end: float, over: int) -> Trial:
    """Needs a search of its own before it shines."""
    return lambda t, rng: start + (end - start) * min(1, t / over) + rng.gauss(0, 0.03)


def often_broken(ceiling: float, spread: float) -> Trial:
    """Half of the configurations do not train at all."""
    return lambda t, rng: 0.1 if rng.random() < 0.5 else ceiling - rng.expovariate(1 / spread)


def study(
    values: Sequence[Trial], seed: int, policy: Policy | None = None
) -> tuple[set[int], list[int]]:
    """100 trials: floors of 8, then the policy's turns, the rest where the best is.

    Returns who was ever given up, and how many trials each value got.
    """
    rng, policy = random.Random(seed), policy or Policy()
    results: dict[int, list[float]] = {i: [] for i in range(len(values))}
    ever: set[int] = set()
    for slot in range(100):
        choice = min(results, key=lambda i: len(results[i]))
        if len(results[choice]) >= 8:
            lost = policy.given_up(results, 100 - slot)
            ever |= set(lost)
            racing = [i for i in results if i not in lost]
            if policy.is_turn(slot) and len(racing) > 1:
                choice = min(racing, key=lambda i: len(results[i]))
            else:
                choice = max(results, key=lambda i: max(results[i]))
        results[choice].append(values[choice](len(results[choice]), rng))
    return ever, [len(row) for row in results.values()]


def given_up_share(values: Sequence[Trial]) -> list[float]:
    """How often each value was given up at any time, in 100 studies."""
    lost = [study(values, seed)[0] for seed in range(100)]
    return [sum(i in ever for ever in lost) / 100 for i in range(len(values))]


def test_clear_losers_are_given_up_and_the_best_never() -> None:
    shares = given_up_share(
        [tuned(0.70, 0.05), tuned(0.80, 0.05), tuned(0.94, 0.1), tuned(0.96, 0.1)]
    )
    assert shares[0] > 0.6 and shares[1] > 0.6
    assert shares[2] <= 0.05 and shares[3] <= 0.05


@pytest.mark.parametrize(
    "winner",
    [slow(0.6, 0.95, over=30), often_broken(0.96, 0.1), tuned(0.97, 0.25)],
    ids=["climbs late", "half do not train", "wide spread"],
)
def test_the_late_winner_stays_in_the_race(winner: Trial) -> None:
    """At first every one of the others looks better, at a smaller spread."""
    others = [lambda t, rng: rng.gauss(0.8, 0.02) for _ in range(4)]
    assert given_up_share([*others, winner])[4] <= 0.05


def test_equals_are_not_told_apart() -> None:
    assert max(given_up_share([tuned(0.9, 0.15)] * 5)) <= 0.05


def test_what_losers_are_spared_goes_to_the_others() -> None:
    values = [*(tuned(0.7, 0.03) for _ in range(4)), tuned(0.95, 0.1), tuned(0.96, 0.2)]

    def spent_on_losers(policy: Policy) -> float:
        return sum(sum(study(values, seed, policy)[1][:4]) for seed in range(20)) / 20

    assert (
        spent_on_losers(Policy(confidence=0.95)) < spent_on_losers(Policy(confidence=1 - 1e-9)) - 3
    )


def test_nobody_is_judged_early_or_while_climbing() -> None:
    low = [0.1, 0.12, 0.11, 0.1, 0.09, 0.1, 0.11, 0.1, 0.1, 0.1]
    high = [0.9, 0.91, 0.92, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]
    policy = Policy()
    assert set(policy.given_up({"low": low, "high": high}, 50)) == {"low"}
    assert not policy.given_up({"low": low[: LEAST - 1], "high": high}, 50)
    assert is_climbing(low[::-1]) and not policy.given_up({"low": low[::-1], "high": high}, 50)
    assert not policy.given_up({"low": [], "high": []}, 50)


def test_minimisation_is_the_mirror_image() -> None:
    low = [0.1, 0.12, 0.11, 0.1, 0.09, 0.1, 0.11, 0.1, 0.1, 0.1]
    high = [0.9, 0.92, 0.91, 0.9, 0.89, 0.9, 0.9, 0.9, 0.9, 0.9]
    lost = Policy(maximize=False).given_up({"low": low, "high": [*high[:1], 0.88, *high[2:]]}, 50)
    assert set(lost) == {"high"}
    assert lost["high"].startswith(
        "best 0.88 of 10 trials: a chance of 0.3% to beat 0.09 in 13 more"
    )


def test_the_chance_to_win_follows_the_written_rule() -> None:
    scores = [1.0, 2.0, 3.0, 4.0, 5.0]  # median 3; excesses 1 and 2, in all 3; j = 2
    one = 2 / 5 * (1 + (9 - 3) / 3) ** -2
    assert win_chance(scores, 9.0, 1) == pytest.approx(one)
    assert win_chance(scores, 9.0, 4) == pytest.approx(1 - (1 - one) ** 4)
    assert win_chance([1.0] * 5, 2.0, 10) == 0.0
    assert win_chance(scores, 2.0, 1) == 1.0


def test_turns_are_spread_evenly() -> None:
    turns = [slot for slot in range(20) if Policy(share=0.25).is_turn(slot)]
    assert turns == [3, 7, 11, 15, 19]
    for wrong in ({"confidence": 1.0}, {"share": 0.0}):
        with pytest.raises(ValueError, match="must lie between 0 and 1"):
            Policy(**wrong)
