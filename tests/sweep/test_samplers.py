"""One fresh sampler per trial: draws depend on seed and slot alone, and never on the workers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from zmodel.sweep.sampling.exact_decimals import ExactDecimals
from zmodel.sweep.sampling.samplers import grid_size, make_sampler, needs_lock
from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.search_space import SearchSpace
from zmodel.sweep.stopping.pruners import make_pruner

CONF = Path(__file__).parents[2] / "conf" / "hydra" / "sweeper"
SAMPLERS = {path.stem: OmegaConf.load(path) for path in sorted(CONF.glob("sampler/*.yaml"))}
FINITE = {"z": "range(1, 5)", "net": "cnn,mlp", "flag": "true,false"}
ENDLESS = {**FINITE, "lr": "tag(log, interval(1e-4, 1e-1))", "w": "int(interval(4, 64))"}


def space_for(name: str) -> SearchSpace:
    return parse_space(FINITE if name in ("grid", "brute") else ENDLESS, [])


def run(name: str, seed: int | None, slots: int, workers: int = 1) -> list[dict]:
    """Slots in turn, always `workers` of them running at once; the parameters of each slot."""
    space = space_for(name)
    study = optuna.create_study(direction="maximize")
    running: list[optuna.Trial] = []
    found = []
    for slot in range(slots):
        study.sampler = make_sampler(SAMPLERS[name], seed, slot, space)
        running.append(study.ask())
        found.append(space.suggest(running[-1]))
        if len(running) == workers:
            trial = running.pop(0)
            study.tell(trial, trial.params["z"] + len(running) / 10)
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long if n == "gp" else ()) for n in SAMPLERS]
)
def test_the_same_seed_gives_the_same_study(name: str) -> None:
    if name == "gp":
        pytest.importorskip("torch")
    if name == "cmaes":
        pytest.importorskip("cmaes")
    first = run(name, 3, 14)
    assert run(name, 3, 14) == first
    assert run(name, 4, 14) != first
    if name not in ("grid", "brute"):
        assert len(set(map(str, first))) == 14  # no two slots alike


def test_draws_do_not_depend_on_the_number_of_workers() -> None:
    assert run("random", 1, 20, workers=1) == run("random", 1, 20, workers=7)
    startup = run("tpe", 1, 10, workers=1)
    assert run("tpe", 1, 10, workers=4) == startup
    assert run("tpe", 1, 30, workers=1)[10:] != run("random", 1, 30)[10:]  # and then it learns


@pytest.mark.parametrize("name", ["grid", "brute"])
@pytest.mark.parametrize("workers", [1, 4])
def test_every_combination_comes_exactly_once(name: str, workers: int) -> None:
    assert grid_size(space_for(name)) == 16
    counts = Counter(map(str, run(name, 0, 16, workers)))
    assert len(counts) == 16


def test_qmc_walks_one_sequence_with_any_number_of_workers() -> None:
    first, *rest = run("qmc", 5, 33)  # the first is an independent draw
    values = [(params["z"] - 1) for params in rest]
    assert set(Counter(values).values()) == {8}  # 32 points of a Sobol sequence fall evenly
    assert len({params["lr"] for params in rest}) == 32


def test_what_qmc_draws_by_itself_differs_from_slot_to_slot() -> None:
    """A parameter that the first trial does not have is no part of the sequence."""
    space = parse_space(
        {"z": "range(1, 3)", "w": {"space": "interval(0, 1)", "when": "z == 1"}}, []
    )
    study = optuna.create_study()
    found = []
    for slot in range(20):
        study.sampler = make_sampler(SAMPLERS["qmc"], 0, slot, space)
        trial = study.ask()
        found.append(space.suggest(trial).get("w"))
        study.tell(trial, 0.0)
    assert found[0] is None
    drawn = [value for value in found if value is not None]
    assert len(set(drawn)) == len(drawn) > 5


@pytest.mark.parametrize("name", ["random", "tpe", "qmc", "grid"])
def test_decimals_are_stored_as_they_were_typed(name: str) -> None:
    space = parse_space({"a": "range(0, 1, 0.1)", "b": "range(0, 3, 0.3)"}, [])
    study = optuna.create_study()
    for slot in range(40):
        study.sampler = ExactDecimals(make_sampler(SAMPLERS[name], 0, slot, space))
        trial = study.ask()
        space.suggest(trial)
        study.tell(trial, trial.params["a"])
    for param in space.distributions:
        assert {t.params[param] for t in study.trials} <= set(space.values(param))


def test_who_needs_the_lock() -> None:
    assert {name for name, config in SAMPLERS.items() if needs_lock(config)} == {
        "grid",
        "qmc",
        "brute",
    }


def test_options_reach_the_sampler_and_a_seed_of_its_own_wins() -> None:
    tpe = make_sampler({"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 3}, 0, 0)
    assert isinstance(tpe, TPESampler) and tpe._n_startup_trials == 3
    nested = {
        "_target_": "optuna.samplers.NSGAIISampler",
        "crossover": {"_target_": "optuna.samplers.nsgaii.UniformCrossover", "swapping_prob": 0.2},
    }
    sampler = make_sampler(nested, 0, 0)
    assert isinstance(sampler, NSGAIISampler)
    assert sampler._child_generation_strategy._crossover._swapping_prob == 0.2

    def draw(config: dict, seed: int | None, slot: int) -> float:
        study = optuna.create_study(sampler=make_sampler(config, seed, slot))
        return study.ask().suggest_float("x", 0, 1)

    random = {"_target_": "optuna.samplers.RandomSampler"}
    assert draw({**random, "seed": 9}, 1, 5) == draw(random, 9, 5) != draw(random, 9, 6)
    assert draw(random, None, 5) != draw(random, None, 5)


@pytest.mark.parametrize(
    ("config", "seed", "message"),
    [
        ({"_target_": "os.system"}, 0, "allow-list.*ZMODEL_ALLOW=os.system"),
        ({"_target_": "hydra.utils.instantiate", "config": {}}, 0, "must be a class"),
        ({"_target_": "optuna.samplers.TPE"}, 0, "there is no 'optuna.samplers.TPE'"),
        ({"_target_": "optuna.samplers.RandomSampler", "sede": 1}, 0, "wrong options.*sede"),
        ({"_target_": "optuna.pruners.MedianPruner"}, 0, "must be an Optuna sampler"),
        ({"_target_": "optuna.samplers.GridSampler"}, 0, "without conditions"),
        ({"_target_": "optuna.samplers.RandomSampler"}, -1, "must be 0 or above; got -1"),
    ],
)
def test_a_wrong_sampler_is_refused(config: dict, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_sampler(config, seed, 0)


class OwnSampler(RandomSampler):
    """As users write one."""


class OwnPruner(optuna.pruners.NopPruner):
    """As users write one."""


def test_samplers_and_pruners_of_the_users_are_allowed_like_everything_else(monkeypatch) -> None:
    sampler, pruner = ({"_target_": f"{__name__}.{own}"} for own in ("OwnSampler", "OwnPruner"))
    for make in (lambda: make_sampler(sampler, 0, 0), lambda: make_pruner(pruner)):
        with pytest.raises(ValueError, match="ZMODEL_ALLOW"):
            make()
    monkeypatch.setenv("ZMODEL_ALLOW", f"mine.*, {__name__}.*")
    assert type(make_sampler(sampler, 0, 0)) is OwnSampler
    assert type(make_pruner(pruner)) is OwnPruner


def test_an_endless_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="lr has endless values"):
        make_sampler(SAMPLERS["grid"], 0, 0, parse_space(ENDLESS, []))
    for name in ("grid", "brute"):
        with pytest.raises(ValueError, match="seed .*2,000,000,000"):
            make_sampler(SAMPLERS[name], 0, 0, parse_space({"seed": "range(0, 2000000000)"}, []))
    with pytest.raises(ValueError, match="got 1,000,000"):
        grid_size(parse_space({"a": "range(0, 1000)", "b": "range(0, 1000)"}, []))


@pytest.mark.parametrize("path", sorted(CONF.glob("pruner/*.yaml")), ids=lambda path: path.stem)
def test_every_pruner_config_builds(path: Path) -> None:
    assert make_pruner(OmegaConf.load(path)) is not None


def test_no_pruner_prunes_nothing() -> None:
    assert isinstance(make_pruner(None), optuna.pruners.NopPruner)
    with pytest.raises(ValueError, match="must be an Optuna pruner"):
        make_pruner({"_target_": "optuna.samplers.RandomSampler"})


@pytest.mark.filterwarnings("error::optuna.exceptions.ExperimentalWarning")
def test_every_sampler_config_is_minimal_and_builds() -> None:
    for name, config in SAMPLERS.items():
        if name == "cmaes":
            pytest.importorskip("cmaes")
        assert len(config) <= 4
        assert isinstance(make_sampler(config, 0, 0, space_for(name)), BaseSampler)
