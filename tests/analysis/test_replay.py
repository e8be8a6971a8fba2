"""The pruning audit against pruners that really ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)

from zmodel import analysis
from zmodel.analysis.replay.replay import events, replay, replayable
from zmodel.analysis.replay.simulate import DEPTH, Truth, simulate
from zmodel.compat.optuna.hyperband import CachedHyperband
from zmodel.study.records import load_study

PRUNERS: dict[str, tuple[Callable[[], BasePruner], Callable[[], BasePruner]]] = {
    "median": (MedianPruner, MedianPruner),
    "median later": (lambda: MedianPruner(3, 10, 5),) * 2,
    "percentile": (lambda: PercentilePruner(25.0),) * 2,
    "asha": (SuccessiveHalvingPruner, SuccessiveHalvingPruner),
    "asha with bootstrap": (lambda: SuccessiveHalvingPruner(2, 3, 1, 4),) * 2,
    "hyperband": (
        lambda: HyperbandPruner(max_resource=60),
        lambda: CachedHyperband(max_resource=60),
    ),
    "hyperband auto": (HyperbandPruner, CachedHyperband),
    "wilcoxon": (WilcoxonPruner, WilcoxonPruner),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PRUNERS)
def test_a_replay_kills_the_trials_that_the_live_pruner_killed_at_the_same_epochs(name):
    """Random search with one seed proposes the same trials whatever the pruner does."""
    live_pruner, replayed = PRUNERS[name]
    live = simulate(Truth(), 60, 3, pruner=live_pruner(), name="live")
    really = {t.number: max(t.curve) for t in live.trials if t.state == "pruned"}
    unpruned = replayable(simulate(Truth(), 60, 3, name="live"))
    killed = replay(replayed(), unpruned, events(unpruned), "maximize", "live")
    assert len(really) > 5
    assert killed == really


@pytest.mark.filterwarnings("ignore")
def test_a_replay_follows_trials_that_ran_side_by_side():
    """Two trials alternate; the live pruner sees them half done, and so must the replay."""

    def run(pruner: BasePruner) -> tuple[optuna.Study, dict[int, int]]:
        study = optuna.create_study(direction="maximize", study_name="side", pruner=pruner)
        killed: dict[int, int] = {}
        for pair in range(12):
            open_ = {t.number: t for t in (study.ask(), study.ask())}
            for epoch in range(20):
                for number, trial in list(open_.items()):
                    trial.report(((number * 37) % 17) / 17 * (epoch + 1), epoch)
                    if trial.should_prune():
                        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                        killed[number] = epoch
                        del open_[number]
            for number, trial in open_.items():
                study.tell(trial, float(number + pair))
        return study, killed

    _, really = run(SuccessiveHalvingPruner(2, 2))
    study, _ = run(optuna.pruners.NopPruner())
    # the loop took microseconds; these are the times it stands for
    origin = datetime(2026, 1, 1)
    trials = [
        replace(
            t,
            started=origin + timedelta(minutes=t.number // 2),
            finished=origin + timedelta(minutes=t.number // 2, seconds=50),
        )
        for t in replayable(load_study("side", study._storage))
    ]
    ordered = events(trials)
    assert [(e.number, e.step) for e in ordered[:3]] == [(0, 0), (1, 0), (0, 1)]
    assert replay(SuccessiveHalvingPruner(2, 2), trials, ordered, "maximize", "side") == really


@pytest.mark.filterwarnings("ignore")
def test_the_audit_shows_early_pruning_to_kill_deep_trials():
    found = analysis.pruning_audit(simulate(Truth(), 100, 1, stop_early=False))
    assert [a.pruner for a in found.audits] == ["median", "percentile", "asha", "hyperband"]
    assert "wilcoxon" in found.skipped
    asha = next(a for a in found.audits if a.pruner == "asha")
    shares = {z: asha.killed_by_value[z] / found.trials_by_value[z] for z in ("1", "5")}
    assert shares["5"] > shares["1"]
    assert asha.regret > 0 and asha.best_survivor == pytest.approx(
        max(t.value for t in simulate(Truth(), 100, 1, stop_early=False).trials) - asha.regret
    )
    assert 0 < asha.epochs_saved < found.epochs_run
    assert min(k.rank for k in asha.kills if k.rank is not None) >= 1
    hyperband = next(a for a in found.audits if a.pruner == "hyperband")
    assert hyperband.assignments > 1


@pytest.mark.filterwarnings("ignore")
def test_wilcoxon_is_audited_where_values_are_means_of_what_was_reported():
    study = optuna.create_study(study_name="folds")
    for number in range(20):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        folds = [trial.params["x"] + 0.1 * ((number * 7 + i * 3) % 5) for i in range(8)]
        for i, value in enumerate(folds):
            trial.report(value, i)
        study.tell(trial, sum(folds) / len(folds))
    found = analysis.pruning_audit(load_study("folds", study._storage))
    assert "wilcoxon" in {a.pruner for a in found.audits}


def test_what_a_pruned_study_lost_is_known_only_where_peers_completed():
    record = simulate(Truth(), 60, 0, pruner=MedianPruner(n_warmup_steps=5))
    found = analysis.own_pruner(record)
    assert sum(c.pruned for c in found.cells) == sum(t.state == "pruned" for t in record.trials)
    assert all(c.known + c.unknown == c.pruned and c.expected <= c.known for c in found.cells)
    assert found.param == DEPTH
