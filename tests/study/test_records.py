from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from zmodel import analysis
from zmodel.study.records import load_study

COMPLETE = TrialState.COMPLETE
X = FloatDistribution(0.0, 1.0)


def add(study: optuna.Study, state: TrialState = COMPLETE, **fields: object) -> None:
    if state == COMPLETE:
        fields.setdefault("value", 0.5)
    study.add_trial(create_trial(state=state, **fields))


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="s", storage=InMemoryStorage(), direction="maximize")


def test_a_foreign_study_without_any_attribute(study: optuna.Study) -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.report(0.2, step=1)
        trial.report(0.1, step=0)
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=2)
    record = load_study("s", study._storage, Path("here"))
    assert (record.name, record.directions, record.folder) == ("s", ("maximize",), Path("here"))
    assert record.space == {"x": X}
    assert [t.number for t in record.trials] == [0, 1] and record.interrupted == ()
    trial = record.trials[0]
    assert trial.state == "complete" and trial.value == trial.params["x"] == trial.values[0]
    assert list(trial.curve.items()) == [(0, 0.1), (1, 0.2)]
    assert trial.started <= trial.finished and not trial.superseded and trial.attrs == {}


def test_states_and_values(study: optuna.Study) -> None:
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING):
        add(study, state)
    record = load_study("s", study._storage)
    assert [t.state for t in record.trials] == ["pruned", "failed", "running", "waiting"]
    assert all(t.value is None and t.values is None for t in record.trials)


def test_only_the_latest_attempt_at_a_slot_counts(study: optuna.Study) -> None:
    add(study, TrialState.FAIL, user_attrs={"slot": 0, "attempt": 1, "interrupted": "killed"})
    add(study, user_attrs={"slot": 1, "attempt": 1})
    add(study, TrialState.FAIL, user_attrs={"slot": 0, "attempt": 2, "interrupted": "killed"})
    add(study, user_attrs={"slot": 0, "attempt": 3})
    add(study, user_attrs={"slot": "not ours"})
    record = load_study("s", study._storage)
    assert [t.number for t in record.trials] == [1, 3, 4]
    assert [t.number for t in record.interrupted] == [0, 2]
    assert all(t.superseded for t in record.interrupted)


def test_an_attempt_that_was_put_back_waits_until_it_is_given_up(study: optuna.Study) -> None:
    add(study, TrialState.FAIL, user_attrs={"slot": 0, "interrupted": "ctrl-c"})
    died = {"slot": 1, "interrupted": "its worker died", "fail_reason": "WorkerDied"}
    add(study, TrialState.FAIL, user_attrs=died)
    found = load_study("s", study._storage).trials
    assert [(t.number, t.state) for t in found] == [(0, "waiting"), (1, "failed")]


def test_the_declared_space_goes_before_what_was_drawn(study: optuna.Study) -> None:
    declared = CategoricalDistribution(["a", "b"])
    study.set_user_attr("space", {"kind": distribution_to_json(declared)})
    add(study, params={"x": 0.5}, distributions={"x": X})
    assert load_study("s", study._storage).space == {"kind": declared}
    study.set_user_attr("space", {"kind": "somebody else's"})
    assert load_study("s", study._storage).space == {"x": X}


def test_ranges_that_were_changed_are_joined(study: optuna.Study) -> None:
    for low, high in ((1, 3), (2, 6)):
        z = IntDistribution(low, high)
        add(study, params={"z": 2}, distributions={"z": z})
    assert load_study("s", study._storage).space == {"z": IntDistribution(1, 6)}


def test_several_objectives() -> None:
    study = optuna.create_study(study_name="m", directions=["maximize", "minimize"])
    study.add_trial(create_trial(state=COMPLETE, values=[0.9, 1e4]))
    record = load_study("m", study._storage)
    assert record.directions == ("maximize", "minimize")
    assert record.trials[0].values == (0.9, 1e4) and record.trials[0].value == 0.9


def test_an_unknown_name_is_refused_with_the_near_ones(study: optuna.Study) -> None:
    optuna.create_study(study_name="zlayers", storage=study._storage)
    with pytest.raises(ValueError, match="'zlayer'.* zlayers"):
        load_study("zlayer", study._storage)


def test_records_do_not_share_their_dictionaries_with_the_storage(study: optuna.Study) -> None:
    add(study, user_attrs={"slot": 0})
    load_study("s", study._storage).trials[0].attrs["slot"] = 7
    assert load_study("s", study._storage).trials[0].attrs == {"slot": 0}


def test_trials_are_not_copied_in_depth(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 trials that takes seconds, and a report that watches a study reads it often."""
    add(study)

    def refuse(value: object) -> None:
        raise AssertionError(f"deep copy of {type(value)}")

    monkeypatch.setattr("optuna.storages._in_memory.copy.deepcopy", refuse)
    assert len(load_study("s", study._storage).trials) == 1


def test_a_part_of_the_parameters_from_outside_is_marked_and_never_the_best(
    study: optuna.Study,
) -> None:
    space = {"x": X, "z": IntDistribution(1, 3), "growth": X}
    declared = {name: distribution_to_json(d) for name, d in space.items()}
    study.set_user_attr("space", declared)
    study.set_user_attr("fingerprint", {"conditions": {"growth": "z >= 2"}})
    rows = [
        ({"x": 0.1, "z": 1}, 0.5, {"slot": 0}),
        ({"x": 0.2, "z": 1}, 0.6, {}),  # of another program, with all it needs
        ({"x": 0.3}, 0.9, {}),
    ]
    for params, value, attrs in rows:
        known = {name: space[name] for name in params}
        add(study, params=params, distributions=known, value=value, user_attrs=attrs)
    record = load_study("s", study._storage)
    assert [t.foreign for t in record.trials] == [False, True, True]
    assert [t.partial for t in record.trials] == [False, False, True]
    assert [t.number for t in record.best_first] == [1, 0]
    assert analysis.values(record).main.cells[0].trials == 2 and len(record.trials) == 3
    [note] = [v for v in analysis.judge(record) if v.evidence.get("foreign")]
    assert note.evidence == {"foreign": [1, 2], "partial": [2]} and note.severity == "note"
    study.set_user_attr("fingerprint", None)  # a study of plain Optuna: nobody is a stranger
    assert not any(t.foreign or t.partial for t in load_study("s", study._storage).trials)
