"""Floors are met whenever they can be: spread, exact with many workers, through every restart."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel import analysis
from zmodel.study.budget.lease import Lease
from zmodel.study.budget.slots import Slots
from zmodel.study.constraints import parse_constraints
from zmodel.study.records import load_study
from zmodel.sweep.finish import check_floors
from zmodel.sweep.sampling.after_floors import Policy
from zmodel.sweep.sampling.floor_schedule import FloorSchedule, forced_attrs, risks
from zmodel.sweep.sampling.forcing_sampler import ForcingSampler
from zmodel.sweep.sampling.samplers import make_sampler
from zmodel.sweep.sampling.trials_by_floor import HOPELESS
from zmodel.sweep.space.parse import parse_space

PARAMS = {
    "z": "range(1, 6)",
    "net": "choice(cnn, mlp, gru)",
    "lr": "tag(log, interval(1e-5, 1e-1))",
    "w": "tag(log, int(interval(4, 64)))",
    "w2": {"space": "int(interval(4, 64))", "when": "z >= 2"},
}
SPACE = parse_space(PARAMS, [])
FINITE = parse_space({"z": "range(1, 6)", "net": "choice(cnn, mlp, gru)", "b": "16,32,64,128"}, [])


@dataclass
class Simulated:
    """A study run on a simulated clock through the engine's own slots."""

    folder: Path
    sampler: str | BaseSampler
    spec: dict[str, Any]
    n_trials: int
    seed: int = 0
    workers: tuple[int, int] = (1, 1)
    failures: float = 0.0
    fails: Callable[[FrozenTrial], bool] = lambda trial: False
    restarts: int = 0
    space: Any = SPACE
    policy: Policy | None = None
    study: optuna.Study = field(init=False)

    def run(self) -> Simulated:
        rng = random.Random(self.seed)
        self.study = optuna.create_study(direction="maximize")
        leases = [Lease(self.folder) for _ in range(self.workers[1])]
        kills = sorted(rng.randrange(self.n_trials) for _ in range(self.restarts))
        self._start(rng)
        clock, busy = 0.0, []  # (when it ends, trial, worker)
        while True:
            if kills and len(self.trials) > kills[0]:
                kills.pop(0)
                for _, number, _ in busy:
                    self.slots.interrupt(self.trials[number], "killed", crashed=False)
                busy = []
                self._start(rng)
            idle = set(range(self.workers_now)) - {worker for _, _, worker in busy}
            ticket = self.slots.claim(leases[min(idle)], self._decide) if idle else None
            if ticket is not None:
                self._ask(ticket)
                heapq.heappush(busy, (clock + rng.expovariate(1), ticket.number, min(idle)))
            elif busy:
                clock, number, _ = heapq.heappop(busy)
                trial = self.trials[number]
                self._tell(trial, failed=rng.random() < self.failures or self.fails(trial))
            else:
                for lease in leases:
                    lease.release()
                return self

    def _start(self, rng: random.Random) -> None:
        """New processes: nothing is remembered but the storage."""
        self.workers_now = rng.randint(*self.workers)
        storage, study_id = self.study._storage, self.study._study_id
        self.slots = Slots(storage, study_id, self.n_trials, nullcontext)
        self.floors = FloorSchedule(
            self.spec, self.space, self.n_trials, self.policy, constraints=()
        )

    def _decide(self, trials: Any, slot: int) -> dict[str, Any]:
        return forced_attrs(self.floors.next_forced(trials))

    def _ask(self, ticket: FrozenTrial) -> None:
        sampler = self.sampler
        if isinstance(sampler, str):
            config = {"_target_": f"optuna.samplers.{sampler}"}
            sampler = make_sampler(config, self.seed, ticket.user_attrs["slot"], self.space)
        self.study.sampler = ForcingSampler(sampler, self.space.distributions)
        self.space.suggest(optuna.Trial(self.study, ticket._trial_id))

    def _tell(self, trial: FrozenTrial, *, failed: bool) -> None:
        params, number = trial.params, trial.number
        value = -params["z"] - abs(math.log10(params.get("lr", 1)) + 3) + (params["net"] == "cnn")
        self.study.tell(number, *([None, TrialState.FAIL] if failed else [value]))

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.study._storage.get_all_trials(self.study._study_id, deepcopy=False)

    @property
    def forced(self) -> list[int]:
        return [t.user_attrs["slot"] for t in self.trials if "forced" in t.user_attrs]

    def check(self) -> None:
        """Exact budget, honest records, and floors met if that was possible at all."""
        slots = {trial.user_attrs["slot"] for trial in self.trials}
        assert slots == set(range(self.n_trials))
        for trial in self.trials:
            declared = self.space.distributions
            assert all(declared[k] == found for k, found in trial.distributions.items())
            for param, target in trial.user_attrs.get("forced_to", {}).items():
                value = trial.params[param]
                assert (
                    target[0] <= value <= target[1] if isinstance(target, list) else value == target
                )
        report = FloorSchedule(self.spec, self.space, self.n_trials, constraints=()).report(
            self.trials
        )
        completed = sum(trial.state == TrialState.COMPLETE for trial in self.trials)
        need = max(
            sum(c.trials.least for c in report if c.trials.cell.param == param)
            for param in self.spec
        )
        # What runs at the very end cannot be repaired when it fails after all slots are given.
        if completed >= need + self.workers[1] - 1:
            assert all(cell.is_met for cell in report), report


def simulate(tmp_path: Path, sampler: str, seed: int) -> None:
    rng = random.Random(f"{sampler}{seed}")
    space = FINITE if sampler in ("GridSampler", "BruteForceSampler") else SPACE
    n_trials = rng.randint(15, 60)
    spec: dict[str, Any] = {"z": rng.randint(1, n_trials // 6), "net": f"{rng.randint(5, 25)}%"}
    if space is SPACE and rng.random() < 0.5:
        spec["lr"] = {"bins": 4, "min": rng.randint(1, n_trials // 5)}
    workers = (1, 1) if seed % 4 == 0 else (1, 8)
    Simulated(
        tmp_path, sampler, spec, n_trials, seed, workers, failures=0.2, restarts=10, space=space
    ).run().check()


CHEAP = [
    "RandomSampler",
    "TPESampler",
    "CmaEsSampler",
    "QMCSampler",
    "NSGAIISampler",
    "GridSampler",
    "BruteForceSampler",
]


@pytest.mark.parametrize("sampler", CHEAP)
def test_floors_hold_whatever_happens(sampler: str, tmp_path: Path) -> None:
    if sampler == "CmaEsSampler":
        pytest.importorskip("cmaes")
    for seed in range(6):
        simulate(tmp_path, sampler, seed)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", CHEAP)
def test_floors_hold_in_a_thousand_studies(sampler: str, tmp_path: Path) -> None:
    for seed in range(6, 150):
        simulate(tmp_path, sampler, seed)


@pytest.mark.slow
def test_floors_hold_over_the_gaussian_process(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for seed in range(8):
        simulate(tmp_path, "GPSampler", seed)


class OneIdea(BaseSampler):
    """Proposes the same point forever: all that is covered is forced."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict:
        return {}

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        return {"z": 1, "net": "cnn", "lr": 1e-3, "w": 8, "w2": 8}[name]


def one_idea(folder: Path, spec: dict[str, Any], n_trials: int, fails: Any = None) -> Simulated:
    fails = fails or (lambda trial: False)
    return Simulated(folder, OneIdea(), spec, n_trials, fails=fails).run()


def test_floors_are_spread_over_the_study(tmp_path: Path) -> None:
    study = one_idea(tmp_path, {"z": 5}, 100)
    report = study.floors.report(study.trials)
    assert [one.trials.completed for one in report] == [80, 5, 5, 5, 5]
    assert len(study.forced) == 20
    thirds = [sum(a <= slot < a + 33 for slot in study.forced) for a in (0, 33, 66)]
    assert all(count >= 5 for count in thirds)
    for z in range(2, 6):  # each value by itself as well
        own = [trial.number for trial in study.trials if trial.params["z"] == z]
        assert own[0] <= 25 and own[-1] >= 75


def test_a_sampler_that_covers_by_itself_is_left_alone(tmp_path: Path) -> None:
    study = Simulated(tmp_path, "RandomSampler", {"z": 5, "net": 10}, 100).run()
    assert len(study.forced) <= 5


def test_several_floors_need_no_more_than_the_neediest(tmp_path: Path) -> None:
    spec = {"z": 4, "net": 6, "lr": {"bins": 4, "min": 5}, "w": {"bins": 2, "min": 10}}
    study = one_idea(tmp_path, spec, 20)
    assert all(one.is_met for one in study.floors.report(study.trials))


def test_what_runs_is_not_forced_twice() -> None:
    floors = FloorSchedule({"z": 10}, SPACE, 200, constraints=())
    trials: list[FrozenTrial] = []
    for slot in range(40):  # forty workers start at once; nothing is sampled yet
        marks = forced_attrs(floors.next_forced(trials))
        trials.append(create_trial(state=TrialState.RUNNING, user_attrs={"slot": slot, **marks}))
        trials[-1].number = slot
    given_out = [t.user_attrs["forced_to"]["z"] for t in trials if "forced" in t.user_attrs]
    assert 10 <= len(given_out) <= 20
    assert given_out == [1 + i % 5 for i in range(len(given_out))]


def test_failures_are_made_up_for_in_time(tmp_path: Path) -> None:
    study = one_idea(tmp_path, {"z": 5}, 60, fails=lambda trial: trial.number % 2)
    assert all(one.is_met for one in study.floors.report(study.trials))


def test_a_hopeless_value_does_not_eat_the_budget(tmp_path: Path) -> None:
    study = one_idea(tmp_path, {"z": 5}, 100, fails=lambda trial: trial.params["z"] == 5)
    report = study.floors.report(study.trials)
    assert [one.is_met for one in report] == [True] * 4 + [False]
    assert report[4].trials.cell.name == "z=5" and report[4].trials.failed == HOPELESS
    assert report[4].given_up == f"failed {HOPELESS} times and never completed"


def test_pruned_trials_do_not_count() -> None:
    floors = FloorSchedule({"z": 1}, SPACE, 10, constraints=())
    trial = create_trial(
        state=TrialState.PRUNED, params={"z": 1}, distributions={"z": IntDistribution(1, 5)}
    )
    [first, *_] = floors.report([trial])
    assert (first.trials.completed, first.trials.pruned, first.is_met) == (0, 1, False)


def test_strange_trials_of_others_are_lived_with() -> None:
    odd = [{"z": "x"}, {"z": None}, {"lr": "big"}, {"lr": [1, 2, 3]}, {"z": [1]}, {"other": 1}]
    trials = []
    for number, values in enumerate(odd):
        trials.append(create_trial(state=TrialState.RUNNING, system_attrs={"fixed_params": values}))
        trials[-1].number = number
    floors = FloorSchedule({"z": 2, "lr": {"bins": 2, "min": 2}}, SPACE, 16, constraints=())
    assert set(floors.next_forced(trials)) == {"z", "lr"}


def test_the_binomial_tail() -> None:
    assert risks(3, 4, 0.1) and not risks(9, 0, 0.1)
    assert not risks(6, 1, 0.05) and risks(4, 1, 0.05)  # 1.6e-8 and 6e-6
    assert not risks(5000, 100, 0.5)


def test_a_forced_trial_stays_out_of_the_generation_of_cma_es(tmp_path: Path) -> None:
    pytest.importorskip("cmaes")
    study = Simulated(tmp_path, "CmaEsSampler", {"z": 8}, 60).run()
    told = [t for t in study.trials if t.system_attrs.get("cma:generation", -1) >= 0]
    kept_out = [t for t in study.trials if t.system_attrs.get("cma:generation") == -1]
    assert len(told) > 20 and kept_out
    assert all("forced" in trial.user_attrs for trial in kept_out)


def test_the_grid_stays_complete_and_without_repeats(tmp_path: Path) -> None:
    study = Simulated(tmp_path, "GridSampler", {"z": 12}, 60, workers=(3, 3), space=FINITE).run()
    assert len({str(sorted(trial.params.items())) for trial in study.trials}) == 60


def test_parameters_given_beforehand_win(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=ForcingSampler(OneIdea(), SPACE.distributions))
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            user_attrs={"forced": ["z", "net"], "forced_to": {"z": 2, "net": "gru"}},
            system_attrs={"fixed_params": {"z": 4, "lr": 0.05}},
        )
    )
    params = SPACE.suggest(study.ask())
    assert (params["z"], params["lr"], params["net"]) == (4, 0.05, "gru")


def test_the_policy_spends_what_is_left_on_values_in_the_race(tmp_path: Path) -> None:
    plain = Simulated(tmp_path, "RandomSampler", {"z": 10}, 120, seed=1).run()
    spent = Simulated(
        tmp_path, "RandomSampler", {"z": 10}, 120, seed=1, policy=Policy(share=0.7)
    ).run()
    spent.check()
    assert len(spent.forced) > len(plain.forced) + 20
    report = spent.floors.report(spent.trials)
    assert report[0].given_up is None and report[4].given_up is not None  # 1 is best, 5 is worst
    assert report[0].trials.completed > report[4].trials.completed


def test_a_range_that_was_given_up_is_named_in_the_report(tmp_path: Path) -> None:
    spec = {"lr": {"bins": 3, "min": 10}}
    policy = Policy(confidence=0.6, share=0.7)
    spent = Simulated(tmp_path, "RandomSampler", spec, 120, policy=policy).run()
    given_up = {one.trials.cell.label for one in spent.floors.report(spent.trials) if one.given_up}
    assert given_up
    spent.study.set_user_attr("coverage", spec)
    proposals: Any = SimpleNamespace(floors=spent.floors)
    assert check_floors(spent.study, proposals, spent.slots) == 0
    record = load_study(spent.study.study_name, spent.slots.storage)
    [covered] = [param for param in analysis.values(record).params if param.param == "lr"]
    assert {cell.label for cell in covered.cells if cell.given_up} == given_up


def test_results_of_a_value_are_those_within_the_limits_of_now():
    limits = parse_constraints({"parameters": "<= 100"})
    floors = FloorSchedule({"z": 1}, SPACE, 10, constraints=limits)
    trials = []
    for number, size in enumerate((50, 150)):
        trial = create_trial(
            value=float(size),
            params={"z": 1},
            distributions={"z": SPACE.distributions["z"]},
            user_attrs={"slot": number, "parameters": size},
        )
        trial.number = number
        trials.append(trial)
    found = next(one.trials for one in floors.report(trials) if one.trials.cell.target == 1)
    assert (found.completed, found.results) == (2, [50.0])
