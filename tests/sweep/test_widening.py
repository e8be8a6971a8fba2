"""A study goes on with a wider space: earlier trials stay and count."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler

from zmodel import analysis
from zmodel.study.budget.lease import Lease
from zmodel.study.records import load_study
from zmodel.study.storage.opening import open_storage
from zmodel.study.widening import is_wider, phase_of
from zmodel.sweep.history.widened_history import WidenedHistory

WIDEN = "hydra.sweeper.on_change=widen"


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        (IntDistribution(1, 5), IntDistribution(0, 7), True),
        (IntDistribution(1, 5), IntDistribution(2, 7), False),
        (IntDistribution(1, 5, step=2), IntDistribution(0, 6, step=2), False),
        (IntDistribution(3, 5, step=2), IntDistribution(1, 7, step=2), True),
        (FloatDistribution(0.1, 1), FloatDistribution(0.01, 1, log=True), False),
        (FloatDistribution(0, 0.3, step=0.1), FloatDistribution(-0.1, 0.4, step=0.1), True),
        (FloatDistribution(0, 1), IntDistribution(0, 1), False),
        (CategoricalDistribution([1, 2]), CategoricalDistribution([2, 1, 3]), True),
        (CategoricalDistribution([1, 2]), CategoricalDistribution([1.0, 2, 3]), False),
    ],
)
def test_wider_is_every_value_on_the_same_scale(old, new, wider):
    assert is_wider(old, new) is wider


@pytest.mark.long
def test_trials_of_both_phases_count_and_floors_hold_over_all(inline):
    floors = "hydra.sweeper.coverage={layers: 2}"
    space = ("x=interval(0,1)", "epochs=choice(2,3)")
    assert inline.run("hydra.sweeper.n_trials=8", floors, "layers=range(1,3)", *space) == 0
    before = [(t.number, t.params, t.values) for t in inline.trials]
    wide = ("layers=range(1,5)", "x=interval(-1,2)", "epochs=choice(4,3,2)")
    with pytest.raises(ValueError, match="on_change=widen"):
        inline.run("hydra.sweeper.n_trials=12", floors, *wide)
    assert inline.run("hydra.sweeper.n_trials=12", floors, *wide, WIDEN) == 0
    trials = inline.trials
    assert [(t.number, t.params, t.values) for t in trials[:8]] == before
    later = [t.params["layers"] for t in trials[8:]]
    assert sorted(later) == [3, 3, 4, 4]  # the two that had none yet
    assert {t.distributions["epochs"].choices for t in trials} == {(4, 3, 2)}
    assert [phase_of(t.number, inline.study.user_attrs) for t in trials] == [1] * 8 + [2] * 4
    # again, and without saying so: no further phase
    assert inline.run("hydra.sweeper.n_trials=14", floors, *wide) == 0
    assert len(inline.trials) == 14 and len(inline.study.user_attrs["phases"]) == 1
    with pytest.raises(ValueError, match=r"space\.x"):  # narrower again
        inline.run("hydra.sweeper.n_trials=16", floors, "layers=range(1,5)", *space, WIDEN)
    storage = open_storage(str(inline.folder / "study.journal"), read_only=True)
    record = load_study(inline.name, storage)
    assert {t.distributions["x"] for t in record.trials} == {FloatDistribution(-1, 2)}
    phases = analysis.rounds(record).rounds
    assert [(p.phase, p.trials, p.space["layers"]) for p in phases] == [
        (1, 8, "1 to 2"), (2, 6, "1 to 4"),
    ]  # fmt: skip
    assert analysis.history(record).phases == (8,)
    table = analysis.frame(record).set_index("trial")["phase"]
    assert table[7] == 1 and table[8] == 2


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("epochs=2", "x=interval(0,2)"), r"fixed\.epochs"),
        (("x=0.5", "layers=range(1,9)"), r"space\.x: removed"),
        (("epochs=range(1,4)",), r"space\.epochs: new"),
        (("x=interval(0.5,2)",), r"space\.x"),
        (("hydra/sweeper/sampler=grid", "x=range(0,4)"), "GridSampler"),
    ],
)
def test_more_than_wider_bounds_is_refused(inline, changed, named):
    assert inline.run("hydra.sweeper.n_trials=2", "epochs=1") == 0
    fixed = () if any(c.startswith("epochs") for c in changed) else ("epochs=1",)
    with pytest.raises(ValueError, match=named):
        inline.run("hydra.sweeper.n_trials=4", WIDEN, *fixed, *changed)
    assert len(inline.trials) == 2 and "phases" not in inline.study.user_attrs


def test_a_bound_that_the_configuration_names_may_move_with_it(inline):
    own = ("+most=3", "++hydra.sweeper.params.layers='int(interval(1,${most}))'")
    assert inline.run("hydra.sweeper.n_trials=2", *own) == 0
    moved = (own[0].replace("3", "6"), own[1])
    assert inline.run("hydra.sweeper.n_trials=4", *moved, WIDEN) == 0
    assert len(inline.trials) == 4 and len(inline.study.user_attrs["phases"]) == 1


def test_further_choices_wait_until_nobody_works_on_the_study(inline):
    assert inline.run("hydra.sweeper.n_trials=2", "epochs=choice(1,2)") == 0
    wide = ("hydra.sweeper.n_trials=4", "epochs=choice(1,2,3)", WIDEN)
    with Lease(inline.folder / "workers"), pytest.raises(ValueError, match="nobody works"):
        inline.run(*wide)
    assert "phases" not in inline.study.user_attrs
    assert inline.run(*wide) == 0 and len(inline.trials) == 4


def test_a_sampler_learns_from_trials_of_the_narrower_space(inline):
    assert inline.run("hydra.sweeper.n_trials=3", "x=interval(0,1)") == 0
    study, wide = inline.study, {"x": FloatDistribution(0, 4), "layers": IntDistribution(1, 4)}
    bare, sampler = (
        TPESampler(multivariate=True),
        WidenedHistory(TPESampler(multivariate=True), wide),
    )
    assert bare.infer_relative_search_space(study, study.trials[0])["x"].high == 1
    assert sampler.infer_relative_search_space(study, study.trials[0]) == wide
