"""The next round of a study: what the last one left open, its best trials first, the chain kept."""

from __future__ import annotations

import pytest
from optuna.distributions import FloatDistribution

from zmodel import analysis
from zmodel.study.records import find_study

FIRST = ("hydra.sweeper.n_trials=24", "hydra/sweeper/sampler=random", "x=interval(-4,4)")


def near_one(cfg) -> float:
    return 1 - abs(cfg.x - 1) - (cfg.layers != 3)


@pytest.mark.long
def test_it_searches_what_was_left_open_and_keeps_the_chain(inline, capsys):
    assert inline.run(*FIRST, task=near_one) == 0
    best = sorted(inline.trials, key=lambda t: -t.value)
    second = inline.named("quick-2")
    command = ("hydra.sweeper.next_of=quick", FIRST[2], "hydra.sweeper.n_trials=8")
    assert second.run(*command, task=near_one) == 0
    x = second.trials[0].distributions["x"]
    assert -4 < x.low < 1 < x.high < 4 and "next round of quick" in capsys.readouterr().out
    assert second.trials[0].params == best[0].params
    told = second.study.user_attrs["round"]
    assert told["of"] == "quick" and [one["study"] for one in told["chain"]] == ["quick"]
    # its space stays, also once the last round has more trials
    assert inline.run("hydra.sweeper.n_trials=30", *FIRST[1:], task=near_one) == 0
    assert second.run(*command[:2], "hydra.sweeper.n_trials=10", task=near_one) == 0
    assert {t.distributions["x"] for t in second.trials} == {x}
    third = inline.named("quick-3")
    assert third.run("hydra.sweeper.next_of=quick-2", *command[1:], task=near_one) == 0
    now = third.trials[0].distributions["x"]
    assert x.low <= now.low < now.high <= x.high
    record = analysis.rounds(find_study("quick-3", inline.out))
    assert [one.study for one in record.rounds] == ["quick", "quick-2", "quick-3"]
    assert record.rounds[0].space["x"] == "-4 to 4"


@pytest.mark.long
def test_a_space_that_is_declared_otherwise_is_taken_as_declared(inline):
    assert inline.run(*FIRST, task=near_one) == 0
    second = inline.named("other")
    command = ("hydra.sweeper.next_of=quick", "x=interval(0,9)", "hydra.sweeper.n_trials=3")
    assert second.run(*command, task=near_one) == 0
    assert second.trials[0].distributions["x"] == FloatDistribution(0, 9)


@pytest.mark.parametrize(
    ("name", "given", "named"),
    [("quick", "quick", "another study"), ("second", "nothing", "nothing")],
)
def test_it_needs_another_study_that_is_there(inline, name, given, named):
    with pytest.raises(ValueError, match=named):
        inline.named(name).run(f"hydra.sweeper.next_of={given}")
    assert not (inline.out / "studies" / name).exists()


def test_the_last_round_must_have_a_result(inline):
    def fails(cfg):
        raise ValueError("no")

    assert inline.run("hydra.sweeper.n_trials=1", task=fails) == 3
    with pytest.raises(ValueError, match="'quick' has none"):
        inline.named("second").run("hydra.sweeper.next_of=quick")


@pytest.mark.slow
def test_a_round_can_be_widened(inline):
    """Also back to the bounds that were declared, which is what the command of `boundary` says."""
    assert inline.run(*FIRST, task=near_one) == 0
    second = inline.named("quick-2")
    of, widen = "hydra.sweeper.next_of=quick", "hydra.sweeper.on_change=widen"
    assert second.run(of, FIRST[2], "hydra.sweeper.n_trials=3", task=near_one) == 0
    layers = second.trials[0].distributions["layers"]
    with pytest.raises(ValueError, match=r"space\.x"):
        second.run(of, "x=interval(-5,5)", "hydra.sweeper.n_trials=5", task=near_one)
    for count, wide in ((5, "x=interval(-4,4)"), (7, "x=interval(-5,5)")):
        assert second.run(of, wide, f"hydra.sweeper.n_trials={count}", widen, task=near_one) == 0
        again = (of, wide, f"hydra.sweeper.n_trials={count + 1}")
        assert second.run(*again, task=near_one) == 0
        last = second.trials[-1].distributions
        assert (last["x"].high, last["layers"]) == (count / 2 + 1.5, layers)
    assert len(second.study.user_attrs["phases"]) == 2


@pytest.mark.slow
def test_a_round_can_follow_a_widened_study(inline):
    assert inline.run("hydra.sweeper.n_trials=6", "epochs=choice(1,2)", task=near_one) == 0
    wide = ("epochs=choice(1,2,3)", "x=interval(0,2)", "hydra.sweeper.on_change=widen")
    assert inline.run("hydra.sweeper.n_trials=12", *wide, task=near_one) == 0
    second = inline.named("quick-2")
    assert second.run("hydra.sweeper.next_of=quick", *wide[:2], task=near_one) == 0
    best = max(inline.trials, key=lambda t: t.value)
    assert second.trials[0].params == best.params
