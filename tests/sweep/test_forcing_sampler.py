"""The wrapper keeps every promise of the samplers that it wraps: Optuna's own contract suite."""

from __future__ import annotations

import copy
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import FrozenTrial

from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.space.search_space import SearchSpace

# The suite asks for parameters x and y with many distributions; where these are the declared
# ones, the floors force their values.
SPACE = SearchSpace({"x": FloatDistribution(-1, 1), "y": IntDistribution(-1, 1)})


class Deciding(ForcingSampler):
    """Decides when the trial starts: the suite makes its trials without workers."""

    def __init__(self, sampler: BaseSampler) -> None:
        super().__init__(sampler, SPACE.distributions)
        self.floors = FloorSchedule({"x": {"bins": 3, "min": 3}, "y": 3}, SPACE, 9, constraints=())

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number]
        decided = copy.copy(trial)
        marks = forced_attrs(self.floors.next_forced(others))
        decided.user_attrs = {**trial.user_attrs, **marks}
        super().before_trial(study, decided)


def wrapped(make: Callable[[], BaseSampler]) -> Callable[[], BaseSampler]:
    return lambda: Deciding(make())


class TestRandom(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return wrapped(lambda: optuna.samplers.RandomSampler(seed=0))


class TestTPE(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return wrapped(lambda: optuna.samplers.TPESampler(n_startup_trials=0, seed=0))


class TestUnivariateTPE(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        make = optuna.samplers.TPESampler
        return wrapped(lambda: make(n_startup_trials=0, multivariate=False, seed=0))


@pytest.mark.slow
class TestGP(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        pytest.importorskip("torch")
        return wrapped(lambda: optuna.samplers.GPSampler(n_startup_trials=0, seed=0))


class TestCmaEs(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        pytest.importorskip("cmaes")
        return wrapped(lambda: optuna.samplers.CmaEsSampler(n_startup_trials=0, seed=0))


class TestQMC(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return wrapped(lambda: optuna.samplers.QMCSampler(seed=0))


class TestNSGAII(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return wrapped(lambda: optuna.samplers.NSGAIISampler(population_size=2, seed=0))


class TestNSGAIII(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return wrapped(lambda: optuna.samplers.NSGAIIISampler(population_size=2, seed=0))
