from __future__ import annotations

import math
import random

import pytest

from zmodel.sweep.stopping.depth_halving import DepthHalving, Given, Step
from zmodel.sweep.stopping.standings import Standing, Standings

NAN = math.nan


def standings(
    *trials: Standing, groups=("shallow", "deep"), rungs=(2, 4, 8, 16), maximize=True
) -> Standings:
    now = Standings(rungs, groups, maximize)
    for trial in trials:
        now.put(trial)
    return now


def paused(number: int, group: str, *best: float) -> Standing:
    return Standing(number, group, "paused", 2 ** len(best), best)


@pytest.mark.parametrize(
    ("first", "factor", "allowance", "expected"),
    [
        (0.04, 2, 40, (2, 4, 8, 16, 32, 40)),
        (0.04, 2, 120, (5, 10, 20, 40, 80, 120)),
        (0.04, 2, 6, (1, 2, 4, 6)),
        (0.04, 2, 1, (1,)),
        (0.25, 4, 64, (16, 64)),
        (0.3, 1.1, 6, (2, 3, 4, 5, 6)),
    ],
)
def test_rungs(first, factor, allowance, expected):
    assert DepthHalving(first_rung=first, factor=factor).rungs(allowance) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_rung": 0},
        {"first_rung": 1.5},
        {"factor": 1},
        {"survivors": 0},
        {"guarantee": -1},
        {"guarantee": 1.5},
        {"guarantee_from": 2},
        {"control_every": -1},
        {"first_rung": "25%"},
        {"survivors": True},
        {"factor": "two"},
        {"factor": math.inf},
        {"within": ["layers"]},
    ],
)
def test_constants_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DepthHalving(**wrong)


RULE = DepthHalving(control_every=0, guarantee_from=0.5)


def test_a_new_trial_of_the_depth_begun_least_often_pauses_at_the_first_rung():
    assert RULE.next_step(standings(paused(0, "deep", 0.5)), 1000) == Step(None, "shallow", 2)
    assert RULE.next_step(standings(paused(0, "shallow", 0.5)), 1000) == Step(None, "deep", 2)


def test_depths_that_are_begun_equally_often_come_in_an_order_of_the_seed():
    chosen = [RULE.next_step(standings(), 1000, seed).group for seed in range(50)]
    assert {"shallow", "deep"} == set(chosen)
    assert chosen == [RULE.next_step(standings(), 1000, seed).group for seed in range(50)]


def test_the_better_half_of_a_depth_goes_on_whatever_other_depths_reach():
    now = standings(
        paused(0, "shallow", 0.9), paused(1, "shallow", 0.8), paused(2, "shallow", 0.7),
        paused(3, "deep", 0.1), paused(4, "deep", 0.2),
    )  # fmt: skip
    steps = {RULE.next_step(now, 1000, seed) for seed in range(20)}
    assert steps == {Step(0, "shallow", 4), Step(4, "deep", 4)}


def test_smaller_values_are_better_when_the_direction_says_so():
    now = standings(paused(0, "deep", 0.9), paused(1, "deep", 0.2), groups=["deep"], maximize=False)
    assert RULE.next_step(now, 1000).trial == 1


def test_one_of_one_does_not_go_on():
    assert RULE.next_step(standings(paused(0, "deep", 0.9), groups=["deep"]), 1000).trial is None


def test_the_highest_rung_comes_first():
    now = standings(
        *(paused(n, "deep", 0.5 + n / 100) for n in range(4)),
        paused(4, "shallow", 0.1, 0.2), paused(5, "shallow", 0.1, 0.3),
    )  # fmt: skip
    assert RULE.next_step(now, 1000) == Step(5, "shallow", 8)


def test_equals_are_taken_in_order_and_no_value_is_the_worst():
    now = standings(
        paused(0, "deep", NAN), paused(1, "deep", 0.1), paused(2, "deep", 0.1),
        paused(3, "deep", NAN), groups=["deep"],
    )  # fmt: skip
    assert RULE.next_step(now, 1000).trial == 1
    now.put(paused(1, "deep", 0.1, 0.1))
    assert RULE.next_step(now, 1000).trial == 2
    now.put(paused(2, "deep", 0.1, 0.1))
    assert RULE.next_step(now, 1000) == Step(1, "deep", 8)


def test_a_complete_trial_counts_at_every_rung_and_a_failed_one_at_none():
    done = Standing(0, "deep", "complete", 3, (0.9,))
    now = standings(done, paused(1, "deep", 0.1, 0.2), paused(2, "deep", 0.1, 0.3), groups=["deep"])
    assert RULE.next_step(now, 1000).trial is None, "3 at rung 1, and the best is complete"
    now.put(done._replace(best=(0.1,)))
    assert RULE.next_step(now, 1000) == Step(2, "deep", 8)
    now.put(done._replace(state="failed"))
    assert RULE.next_step(now, 1000) == Step(2, "deep", 8)
    now.put(Standing(2, "deep", "failed", 4, (0.1, 0.3)))
    assert RULE.next_step(now, 1000).trial is None


def test_a_running_trial_counts_at_the_rungs_it_has_passed():
    running = Standing(0, "deep", "running", 3, (0.5,), until=4)
    now = standings(running, paused(1, "deep", 0.1), groups=["deep"])
    assert RULE.next_step(now, 1000).trial is None
    now.put(running._replace(best=(0.05,)))
    assert RULE.next_step(now, 1000) == Step(1, "deep", 4)


def test_every_so_many_trials_of_a_depth_is_a_control():
    rule = DepthHalving(control_every=3)
    now = standings(paused(0, "deep", NAN), groups=["deep"])
    assert rule.next_step(now, 1000) == Step(None, "deep", 2)
    now.put(Standing(1, "deep", "failed"))
    assert rule.next_step(now, 1000) == Step(None, "deep", 16, control=True)


def test_no_new_trial_begins_where_there_is_room_for_none():
    now = standings(paused(0, "deep", 0.5), paused(1, "deep", 0.4), groups=["deep"])
    assert RULE.next_step(now, 1000, new=False) == Step(0, "deep", 4)
    now.put(Standing(0, "deep", "complete", 3, (0.5,)))
    assert RULE.next_step(now, 1000) == Step(None, "deep", 2)
    assert RULE.next_step(now, 1000, new=False) == Step(1, "deep", 4), "left behind, but paid for"
    now.put(Standing(1, "deep", "failed", 2, (0.4,)))
    assert RULE.next_step(now, 1000, new=False) is None
    assert RULE.next_step(standings(), 1000, new=False) is None


# --- budget and guarantee ---


def test_a_new_trial_needs_epochs_for_it():
    now = standings(Standing(0, "deep", "complete", 16, (0.5,) * 4), groups=["deep"])
    assert RULE.next_step(now, 18) == Step(None, "deep", 2)
    assert RULE.next_step(now, 17) is None


def test_what_running_trials_were_promised_is_used():
    now = standings(
        Standing(0, "deep", "complete", 16, (0.5,) * 4),
        Standing(1, "deep", "running", 1, (), until=16),
        groups=["deep"],
    )
    assert now.committed == 32
    assert RULE.next_step(now, 33) is None
    now.put(Standing(1, "deep", "complete", 10, (0.5,) * 3))
    assert RULE.next_step(now, 33) == Step(None, "deep", 2)


def test_from_half_of_the_budget_on_a_depth_without_a_completed_trial_gets_one():
    now = standings(
        *(paused(n, "shallow", 0.9) for n in range(10)),
        Standing(10, "shallow", "complete", 16, (0.5,) * 4),
        paused(11, "deep", 0.1), paused(12, "deep", 0.1, 0.2), paused(13, "deep", 0.1, 0.15),
    )  # fmt: skip
    assert now.committed == 46
    assert RULE.next_step(now, 93).until == 8
    assert RULE.next_step(now, 92) == Step(12, "deep", 16)
    later = DepthHalving(control_every=0, guarantee_from=0.9)
    assert later.next_step(now, 92).until == 8


def test_what_the_guarantee_needs_is_never_spent():
    now = standings(paused(0, "deep", 0.5), paused(1, "deep", 0.4))
    late = DepthHalving(control_every=0, guarantee_from=1.0)
    needed = 16 - 2 + 16
    assert late.next_step(now, 4 + needed) == Step(0, "deep", 4), "which is a part of it"
    assert late.next_step(now, 4 + needed - 1).until == 16, "nothing else is left to be saved"


def complete(number: int, group: str) -> Standing:
    return Standing(number, group, "complete", 16, (0.5,) * 4)


@pytest.mark.parametrize(
    ("deep", "kept"),
    [
        ([paused(0, "deep", 0.5, 0.5), paused(1, "deep", 0.5)], 32 - 4 - 2),
        ([paused(0, "deep", 0.5, 0.5), Standing(1, "deep", "running", 2, (0.5,), 4)], 32 - 4 - 4),
        ([paused(0, "deep", 0.5, 0.5), Standing(0, "deep", "running", 4, (0.5,) * 2, 16)], 16),
        ([paused(0, "deep", 0.5, 0.5), Standing(0, "deep", "failed", 4)], 32),
        ([Standing(0, "deep", "running", 0, (), 2), paused(0, "deep", 0.5)], 32 - 2),
        ([Standing(0, "deep", "running", 0, (), 2), Standing(0, "deep", "failed", 2)], 32),
        ([paused(0, "deep", 0.5), complete(0, "deep")], 16),
    ],
)
def test_what_a_depth_still_needs_is_kept_to_the_epoch(deep, kept):
    """Each standing is what has become of the trial since the one before. A third depth waits."""
    rule = DepthHalving(control_every=0, guarantee_from=1.0, guarantee=2)
    done = [complete(10, "shallow"), complete(11, "shallow")]
    begun_more = [
        Standing(number, group, "failed") for number, group in enumerate(["deep", "other"] * 3, 20)
    ]
    running = [Standing(number, "other", "running", 0, (), 16) for number in (12, 13)]
    now = standings(*done, *deep, *begun_more, *running, groups=("shallow", "deep", "other"))
    new = Step(None, "shallow", 2)
    assert rule.next_step(now, now.committed + kept + 2, new=True) == new
    assert rule.next_step(now, now.committed + kept + 1, new=True) != new


def test_a_step_of_a_depth_is_not_counted_twice():
    rule = DepthHalving(control_every=0, guarantee_from=1.0, guarantee=2)
    now = standings(
        paused(0, "deep", 0.5, 0.5, 0.5), Standing(1, "shallow", "running", 0, (), 16),
        complete(2, "shallow"),
    )  # fmt: skip
    step = Step(0, "deep", 16)
    assert rule.next_step(now, now.committed + 24, new=False) == step
    assert rule.next_step(now, now.committed + 23, new=False) is None


def test_without_new_trials_promotions_leave_what_is_promised():
    rule = DepthHalving(control_every=0, guarantee_from=1.0)
    shallow = [complete(1, "shallow"), paused(2, "shallow", 0.9), paused(3, "shallow", 0.1)]
    now = standings(paused(0, "deep", 0.5), *shallow, paused(4, "shallow", 0.1))
    assert rule.next_step(now, now.committed + 14 + 2, new=False) == Step(2, "shallow", 4)
    assert rule.next_step(now, now.committed + 14 + 1, new=False) == Step(0, "deep", 4)


@pytest.mark.parametrize("state", ["complete", "running"])
def test_a_spared_trial_is_not_the_one_that_is_guaranteed(state):
    """It began with any configuration; the best of the depth would be left paused."""
    spared = Standing(1, "deep", state, 16, (0.1,) * 4, until=16, spared=True)
    now = standings(paused(0, "deep", 0.9, 0.9), spared, groups=["deep"])
    assert RULE.next_step(now, now.committed + 12) == Step(0, "deep", 16)
    now.put(spared._replace(spared=False))
    assert RULE.next_step(now, now.committed + 12) == Step(0, "deep", 8), "promoted only"


def test_a_spared_trial_begins_where_the_guarantee_is_paid_for_beside_it():
    rule = DepthHalving(control_every=2, guarantee_from=1.0)
    now = standings(paused(0, "deep", 0.5), groups=["deep"])
    assert rule.next_step(now, now.committed + 14 + 16) == Step(None, "deep", 16, control=True)
    assert rule.next_step(now, now.committed + 14 + 15) == Step(None, "deep", 2)


def test_a_depth_of_which_only_a_spared_trial_runs_is_not_waited_for():
    spared = Standing(0, "deep", "running", 1, (), until=16, spared=True)
    now = standings(spared, groups=["deep"])
    assert RULE.next_step(now, now.committed + 16) == Step(None, "deep", 16)
    now.put(spared._replace(spared=False))
    assert RULE.next_step(now, now.committed + 16) == Step(None, "deep", 2)


def test_a_depth_whose_only_trial_runs_is_waited_for():
    running = Standing(0, "deep", "running", 1, (), until=2)
    now = standings(running, groups=["deep"])
    assert RULE.next_step(now, 16) is None
    now.put(paused(0, "deep", 0.1))
    assert RULE.next_step(now, 16) == Step(0, "deep", 16)


def test_a_trial_that_runs_to_its_end_meets_the_guarantee_until_it_fails():
    now = standings(Standing(0, "deep", "running", 1, (), until=16), groups=["deep"])
    assert RULE.next_step(now, 32) == Step(None, "deep", 2)
    now.put(Standing(0, "deep", "failed", 3, (0.1,)))
    assert RULE.next_step(now, 32) == Step(None, "deep", 2)
    now.put(paused(1, "deep", 0.1))
    now.put(Standing(2, "deep", "failed", 12, (0.1,)))
    assert RULE.next_step(now, 32) == Step(1, "deep", 16)


def test_a_trial_of_no_group_uses_the_budget_and_is_compared_with_none():
    now = standings(paused(0, "deep", 0.5), paused(1, "deep", 0.4), groups=["deep"])
    alone = RULE.next_step(now, 60)
    now.put(Standing(2, "not sampled yet", "running", 0, (), until=16))
    assert now.committed == 4 + 16
    assert RULE.next_step(now, 60 + 16) == alone == Step(0, "deep", 4)
    assert RULE.next_step(now, 4 + 16 + 1) is None, "it may give back what it was promised"


# --- whole studies ---


def play(rule, allowance, budget, seed, workers=1, groups=(1, 2, 3), stops=0.2, fails=0.0):
    """A study with made-up curves; its standings, and the steps that were taken."""
    dice = random.Random(seed)
    rungs = rule.rungs(allowance)
    now = Standings(rungs, groups, True)
    curves, running, taken = {}, [], []
    while True:
        while len(running) < workers and (step := rule.next_step(now, budget, seed)) is not None:
            number = len(curves) if step.trial is None else step.trial
            curves.setdefault(number, [dice.random() for _ in range(allowance)])
            old = now.groups[step.group].trials.get(number) or Standing(
                number, step.group, "paused"
            )
            now.put(old._replace(state="running", until=step.until))
            running.append((number, step))
            taken.append(step)
        assert now.committed <= budget
        if not running:
            return now, taken
        number, step = running.pop(dice.randrange(len(running)))
        epochs, state = step.until, "complete" if step.until == allowance else "paused"
        begun = now.groups[step.group].trials[number].epochs
        if dice.random() < fails:
            state = "failed"
        elif dice.random() < stops:
            state, epochs = "complete", dice.randint(begun + 1, step.until)
        best = tuple(max(curves[number][:rung]) for rung in rungs if rung <= epochs)
        now.put(Standing(number, step.group, state, epochs, best))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("guarantee", [1, 2])
def test_every_depth_completes_its_floor_within_the_budget(workers, guarantee):
    rule = DepthHalving(guarantee=guarantee, guarantee_from=0.8)
    for seed in range(30):
        budget = 3 * guarantee * 30 + 17 * (seed % 4)
        now, taken = play(rule, 30, budget, seed, workers)
        assert all(group.completed >= guarantee for group in now.groups.values())
        assert budget - now.committed < rule.rungs(30)[0]
        begun = [group.begun for group in now.groups.values()]
        assert max(begun) - min(begun) <= (1 if workers == 1 else workers)


def test_failures_cost_epochs_and_no_study_its_end():
    for seed in range(30):
        now, _ = play(DepthHalving(), 30, 300, seed, workers=3, fails=0.3)
        assert now.committed <= 300


def test_the_same_seed_gives_the_same_study():
    assert play(RULE, 30, 600, 7)[1] == play(RULE, 30, 600, 7)[1]
    assert play(RULE, 30, 600, 7)[1] != play(RULE, 30, 600, 8)[1]


def test_a_given_trial_begins_first_and_takes_nothing_that_a_depth_was_promised():
    shallow = Given("shallow")
    now = standings(paused(0, "deep", 0.5))
    assert RULE.next_step(now, 1000, given=shallow) == Step(None, "shallow", 2, given=True)
    assert RULE.next_step(now, 1000, given=Given("deep")) == Step(None, "deep", 2, given=True)
    assert RULE.next_step(now, 1000, new=False, given=shallow).given, "it has its room"
    whole = Given("deep", whole=True)
    assert RULE.next_step(standings(), 1000, given=whole) == Step(None, "deep", 16, given=True)
    done = Standing(1, "shallow", "complete", 16, (0.9,) * 4)
    now = standings(done, paused(0, "deep", 0.5))
    left = 14  # what completing the deep one takes
    assert RULE.next_step(now, 18 + left + 1, given=shallow) == Step(0, "deep", 16)
    assert RULE.next_step(now, 18 + left + 1, given=Given("unknown")) == Step(0, "deep", 16)


def test_a_given_trial_of_a_promised_depth_is_its_completed_one():
    now = standings(Standing(0, "shallow", "complete", 16, (0.9,) * 4))
    assert RULE.next_step(now, 32, given=Given("deep")) == Step(None, "deep", 16, given=True)
    now = standings(Standing(0, "shallow", "failed", 40))
    steps = {RULE.next_step(now, 80, seed, given=Given("deep")) for seed in range(20)}
    assert Step(None, "deep", 16, given=True) in steps
    assert all(step.until == 16 and step.given == (step.group == "deep") for step in steps)
