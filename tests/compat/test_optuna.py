"""What zmodel uses of the private side of Optuna is there, and is what it was."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.pruners import HyperbandPruner
from optuna.samplers import BaseSampler, CmaEsSampler, GridSampler, TPESampler
from optuna.samplers._tpe import _truncnorm, parzen_estimator
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState, create_trial

from zmodel.compat.optuna import grpc_proxy, samplers, studies
from zmodel.sweep.from_config import plain, target_class

FOLDER = Path(studies.__file__).parent
SPACE = {"x": FloatDistribution(0, 1), "net": CategoricalDistribution(["cnn", "mlp"])}


def made(n: int = 12) -> Study:
    """`n` completed trials whose value is x."""
    study = optuna.create_study(direction="maximize", sampler=TPESampler(seed=0))
    for i in range(n):
        params = {"x": i / n, "net": ("cnn", "mlp")[i % 2]}
        study.add_trial(create_trial(params=params, distributions=SPACE, value=i / n))
    return study


def estimator(cls: Any = parzen_estimator._ParzenEstimator) -> Any:
    seen = {"x": np.array([0.1, 0.2]), "net": np.array([0, 1])}
    return cls(seen, SPACE, TPESampler()._parzen_estimator_parameters)


def owners() -> dict[str, Any]:
    """Private name -> the object that has it."""
    study = made(1)
    grid = GridSampler({"x": [1, 2]})
    mixture = estimator()._mixture_distribution
    hyperband = HyperbandPruner()
    found: dict[str, Any] = {
        "_storage": study,
        "_get_trials": study,
        "_thread_local": study,
        "_is_multi_objective": study,
        "_param_names": grid,
        "_all_grids": grid,
        "_attr_key_generation": CmaEsSampler(),
        "_parzen_estimator_cls": TPESampler(),
        "_n_startup_trials": TPESampler(),
        "_sample": TPESampler(),
        "_log_gauss_mass": _truncnorm,
        "_mixture_distribution": estimator(),
        "_search_space": estimator(),
        "_untransform": estimator(),
        "_replace": mixture,
        "_pruners": hyperband,
        "_create_bracket_study": hyperband,
        "_get_bracket_id": hyperband,
    }
    return found


def gp_owners() -> dict[str, Any]:
    from optuna._gp.search_space import SearchSpace
    from optuna.samplers import GPSampler

    sampler = GPSampler(seed=0)
    names = ("_optimize_acqf", "_rng", "_n_preliminary_samples", "_n_local_search")
    return {name: sampler for name in names} | {"_optuna_search_space": SearchSpace(SPACE)}


@pytest.mark.parametrize("name", owners())
def test_the_name_is_there(name):
    owner = owners()[name]
    assert hasattr(owner, name), f"Optuna moved {type(owner).__name__}.{name}"


def test_the_names_of_the_gaussian_process_are_there():
    pytest.importorskip("torch")
    for name, owner in gp_owners().items():
        assert hasattr(owner, name), f"Optuna moved {type(owner).__name__}.{name}"
    space = gp_owners()["_optuna_search_space"]
    assert space.get_normalized_params([None], [{"x": 0.25, "net": "mlp"}]).tolist() == [[0.25, 1]]
    assert space.sample_normalized_params(4, np.random.RandomState(0)).shape == (4, 2)
    assert list(inspect.signature(gp_owners()["_optimize_acqf"]._optimize_acqf).parameters) == [
        "acqf", "best_params",
    ]  # fmt: skip


def test_every_private_name_in_use_is_held_by_this_contract():
    held = owners().keys() | (gp_owners().keys() if "torch" else set())
    used = set()
    for file in FOLDER.glob("*.py"):
        tree = ast.parse(file.read_text())
        own = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                of_self = isinstance(node.value, ast.Name) and node.value.id == "self"
                if not node.attr.startswith("__") and not (of_self and node.attr not in held):
                    used.add(node.attr)
        used -= own - held
    assert used <= held, f"not in owners(): {used - held}"


def test_a_study_is_shown_with_other_trials():
    study = made()
    view = studies.shown(study, lambda trials: trials[:3])
    assert [t.number for t in view.get_trials()] == [0, 1, 2]
    assert view._get_trials(states=(TrialState.FAIL,), use_cache=True) == []
    assert view.direction == StudyDirection.MAXIMIZE and studies.storage_of(view)


def test_a_kept_list_of_trials_is_read_anew():
    study = made(2)
    assert len(study._get_trials(use_cache=True)) == 2
    study.add_trial(create_trial(value=1.0))
    assert len(study._get_trials(use_cache=True)) == 2, "Optuna keeps no list any more"
    studies.read_anew(study)
    assert len(study._get_trials(use_cache=True)) == 3


def test_samplers_read_trials_by_get_trials():
    asked = []
    study = made()
    view = studies.shown(study, lambda trials: asked.append(len(trials)) or trials)
    trial = create_trial(state=TrialState.RUNNING)
    space = TPESampler(seed=0).infer_relative_search_space(view, trial)
    assert space.keys() == SPACE.keys(), "IntersectionSearchSpace no longer asks _get_trials"
    assert asked, "samplers no longer ask Study._get_trials"


def test_hyperband_hands_samplers_a_study_with_a_storage():
    study = made()
    pruner = HyperbandPruner(min_resource=1, max_resource=9)
    study.pruner = pruner
    pruner.prune(study, study.trials[0])
    bracket = pruner._create_bracket_study(study, 0)
    assert studies.storage_of(bracket) is studies.storage_of(study)


def test_importance_evaluators_read_no_more_than_a_frozen_study_has():
    from optuna.importance import PedAnovaImportanceEvaluator

    trials = made(30).trials
    found = PedAnovaImportanceEvaluator().evaluate(
        studies.frozen_study(trials, StudyDirection.MAXIMIZE)
    )
    assert found.keys() == SPACE.keys()


def test_the_grid_sampler_hands_out_points_by_their_place():
    sampler = GridSampler({"x": [0.0, 0.5, 1.0]}, seed=3)
    names, points = samplers.grid_points(sampler)
    study = optuna.create_study(sampler=sampler)
    trial = study.ask()
    assert names == ["x"] and len(points) == 3
    at = trial.storage.get_trial(0).system_attrs["grid_id"]
    assert trial.suggest_float("x", 0, 1) == points[at][0]


def test_the_grid_sampler_counts_a_given_trial_as_its_point():
    sampler = GridSampler({"x": [0.0, 0.5, 1.0]}, seed=3)
    assert samplers.taken_point(sampler, {"x": 0.25}) == {}
    study = optuna.create_study(sampler=sampler)
    attrs = samplers.taken_point(sampler, {"x": 0.5})
    waiting = optuna.trial.TrialState.WAITING
    study.add_trial(
        optuna.trial.create_trial(state=waiting, system_attrs={"fixed_params": {"x": 0.5}, **attrs})
    )
    study.ask().suggest_float("x", 0, 1)
    assert set(sampler._get_unvisited_grid_ids(study)) == {0, 1, 2} - {attrs["grid_id"]}


def test_cma_es_notes_its_generation_under_the_key():
    pytest.importorskip("cmaes")
    sampler = CmaEsSampler(n_startup_trials=1, seed=0)
    study = optuna.create_study(sampler=sampler)
    for _ in range(3):
        trial = study.ask()
        study.tell(trial, trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1))
    assert samplers.generation_key(sampler) in study.trials[-1].system_attrs


def test_tpe_weighs_trials_by_its_mixture():
    one = estimator()
    numbers, choices = one._mixture_distribution.distributions
    for name in ("low", "high", "mu", "sigma", "adapted_low", "adapted_high"):
        assert hasattr(numbers, name), f"Optuna moved {type(numbers).__name__}.{name}"
    assert choices.weights.shape == (3, 2) and len(one._mixture_distribution.weights) == 3


def test_a_journal_has_the_operations_that_repair_knows():
    assert {operation.name: operation.value for operation in studies.JournalOperation} == {
        "CREATE_STUDY": 0,
        "DELETE_STUDY": 1,
        "SET_STUDY_USER_ATTR": 2,
        "SET_STUDY_SYSTEM_ATTR": 3,
        "CREATE_TRIAL": 4,
        "SET_TRIAL_PARAM": 5,
        "SET_TRIAL_STATE_VALUES": 6,
        "SET_TRIAL_INTERMEDIATE_VALUE": 7,
        "SET_TRIAL_USER_ATTR": 8,
        "SET_TRIAL_SYSTEM_ATTR": 9,
        "DISCARD_TRIALS": 10,  # written by another implementation only, and ignored by Optuna
    }


def test_a_database_is_cached_around_a_storage_of_ones_own():
    storage = studies.CachedStorage(optuna.storages.RDBStorage("sqlite://"))
    assert isinstance(storage, optuna.storages.BaseStorage)


def test_the_proxy_makes_its_client_from_a_channel():
    grpc = pytest.importorskip("grpc")
    asked = []

    def connect(target: str) -> object:
        asked.append(target)
        return grpc.insecure_channel(target)

    ours = grpc_proxy.ChannelProxy(connect, host="here", port=1)
    plain = optuna.storages.GrpcStorageProxy(host="here", port=1)
    assert asked == ["here:1"] and vars(plain).keys() <= vars(ours).keys()
    assert type(ours._stub) is type(plain._stub) and ours._cache.grpc_client is ours._stub
    ours.close()
    plain.close()


def test_every_sampler_of_the_stock_plugin_has_a_class_here():
    """Its configurations name classes of Optuna, or functions of which the class is known."""
    stock = pytest.importorskip("hydra_plugins.hydra_optuna_sweeper.config")
    store = ConfigStore.instance()
    names = [n for n in store.list("hydra/sweeper/sampler") if not n.startswith("zmodel_")]
    nodes = [store.load(f"hydra/sweeper/sampler/{name}").node for name in names]
    ours = [n for n in nodes if OmegaConf.get_type(n) is not dict]
    assert len(ours) >= 9 and issubclass(OmegaConf.get_type(ours[0]), stock.SamplerConfig)
    assert all(issubclass(target_class(plain(node)), BaseSampler) for node in ours)
    taken = {node["_target_"] for node in ours}
    assert set(samplers.STOCK_SAMPLERS) <= taken
