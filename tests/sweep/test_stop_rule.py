"""Studies that end because further trials would gain little, or by the hours worked on them."""

from __future__ import annotations

from datetime import datetime, timedelta

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from zmodel.study.constraints import parse_constraints
from zmodel.study.storage.opening import open_storage
from zmodel.sweep.stop_rule import StopRule, read_stop, scores_of, worked_seconds

GAIN = "hydra.sweeper.stop={gain: 0.3}"


def ended(inline) -> dict | None:
    return inline.study.user_attrs.get("ended")


def test_hours_are_those_in_which_a_trial_ran():
    start = datetime(2026, 1, 1)

    def ran(begin: int, end: int):
        trial = create_trial(value=0.0)
        trial.datetime_start = start + timedelta(seconds=begin)
        trial.datetime_complete = start + timedelta(seconds=end)
        return trial

    trials = [ran(0, 1800), ran(900, 2400), ran(7200, 9000)]  # two at once, then a pause
    assert worked_seconds(trials) == 2400 + 1800
    assert StopRule(1, None).reason(trials, True, constraints=()) == {
        "by": "stop.hours",
        "hours": 1,
    }
    assert StopRule(1.2, None).reason(trials, True, constraints=()) is None


def test_trials_without_a_value_count_as_draws_and_those_put_back_do_not():
    done, failed = create_trial(value=2.0), create_trial(state=TrialState.FAIL)
    again = create_trial(state=TrialState.FAIL, user_attrs={"interrupted": "Ctrl-C"})
    large = create_trial(value=1.0, constraints={"parameters": 0.5})
    lucky = create_trial(value=0.5, user_attrs={"replicate": 0})
    scores = scores_of([done, failed, again, large, lucky], False, ())
    assert scores == [-2.0, float("-inf"), float("-inf")]
    # by the limits of now
    wide, narrow = (parse_constraints({"parameters": f"<= {most}"}) for most in (200, 100))
    noted = create_trial(value=1.0, constraints=large.constraints, user_attrs={"parameters": 150})
    assert scores_of([noted], False, wide) == [-1.0]
    assert scores_of([noted], False, narrow) == [float("-inf")]


@pytest.mark.long
def test_a_study_ends_when_little_is_to_be_gained_and_a_larger_budget_continues(inline, capsys):
    command = ("hydra.sweeper.n_trials=60", "hydra/sweeper/sampler=random", GAIN)
    assert inline.run(*command) == 0
    count = len(inline.trials)
    assert 7 <= count < 40
    noted = ended(inline)
    assert noted["by"] == "stop.gain" and noted["at_most"] <= 0.3 and noted["ended"] == count
    assert "would gain at most" in capsys.readouterr().err
    assert inline.run(*command) == 0  # the same command: nothing more
    assert len(inline.trials) == count and ended(inline) == noted
    # what one worker decided holds, whatever the trials say that still ran
    storage = open_storage(str(inline.folder / "study.journal"))
    study = optuna.load_study(study_name=inline.name, storage=storage)
    study.add_trial(create_trial(value=5.0, user_attrs={"slot": count, "attempt": 1}))
    assert inline.run(*command) == 0 and len(inline.trials) == count + 1
    assert inline.run("hydra.sweeper.n_trials=61", *command[1:]) == 0
    assert len(inline.trials) in range(count + 20, 62)  # looked at again when 20 more have ended
    other = ("hydra.sweeper.stop={hours: 9}", "hydra.sweeper.n_trials=62")
    assert inline.run(*command[1:2], *other) == 0
    assert len(inline.trials) == 62 and ended(inline) is None


def test_never_before_its_floors_are_met(inline):
    floors = "hydra.sweeper.coverage={layers: 3}"
    rule = "hydra.sweeper.stop={gain: 9, hours: 1e-9}"
    assert inline.run("hydra.sweeper.n_trials=24", floors, rule) == 0
    layers = [t.params["layers"] for t in inline.trials]
    assert min(map(layers.count, range(1, 5))) == 3 and len(layers) < 24
    assert ended(inline)["by"] == "stop.hours"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["hydra.sweeper.stopping=depth_halving", "hydra.sweeper.epochs=90", GAIN], "stop"),
        (["hydra.sweeper.direction=[maximize,minimize]", "optimized_metric=[x,layers]", GAIN],
         "one objective"),
    ],
)  # fmt: skip
def test_a_gain_needs_one_objective_and_whole_trials(inline, given, named):
    with pytest.raises(ValueError, match=named):
        inline.run(*given)
    assert read_stop({"gain": 0.1}) == StopRule(None, 0.1)


@pytest.mark.slow
def test_many_workers_end_together(engine):
    rule = "hydra.sweeper.stop={gain: 0.1}"
    out = engine.run("hydra.sweeper.n_trials=80", "hydra.sweeper.n_jobs=3", rule)
    assert "would gain at most" in out
    assert engine.study().user_attrs["ended"]["ended"] <= len(engine.outcomes()) < 80
    assert len(engine.outcomes()) <= engine.study().user_attrs["ended"]["ended"] + 3
