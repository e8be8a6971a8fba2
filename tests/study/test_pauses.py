"""Trials that pause: what the slots, records and a repair make of them."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from zmodel.study.__main__ import one_line
from zmodel.study.budget.lease import Lease
from zmodel.study.budget.ledger import is_paused
from zmodel.study.budget.slots import Slots
from zmodel.study.cells import value_cells
from zmodel.study.records import load_study
from zmodel.study.run_folder import read_metrics, set_aside
from zmodel.sweep.stopping.depth_halving import DepthHalving
from zmodel.sweep.stopping.epoch_plan import EpochPlan

ALLOWANCE, BUDGET = 4, 24
X = FloatDistribution(0, 1)
PLAN = EpochPlan(BUDGET, ALLOWANCE, DepthHalving(control_every=3), (), maximize=True, seed=0)


class Died(Exception):
    pass


class Mortal(InMemoryStorage):
    """Its user dies at a write, before or after it is made."""

    def __init__(self) -> None:
        super().__init__()
        self.writes_left: float = float("inf")
        self.after = False

    def _write(self, write, *args, **kwargs):
        self.writes_left -= 1
        if self.writes_left < 0 and not self.after:
            self.writes_left = float("inf")
            raise Died
        result = write(*args, **kwargs)
        if self.writes_left < 0:
            self.writes_left = float("inf")
            raise Died
        return result

    def create_new_trial(self, *args, **kwargs):
        return self._write(super().create_new_trial, *args, **kwargs)

    def set_trial_user_attr(self, *args, **kwargs):
        return self._write(super().set_trial_user_attr, *args, **kwargs)

    def set_trial_state_values(self, *args, **kwargs):
        return self._write(super().set_trial_state_values, *args, **kwargs)

    def set_trial_intermediate_value(self, *args, **kwargs):
        return self._write(super().set_trial_intermediate_value, *args, **kwargs)


def work(storage: InMemoryStorage, folder: Path) -> None:
    """A worker: claims, reports up to the rung, pauses or completes."""
    with Lease(folder) as lease:
        slots = Slots(storage, 0, None, nullcontext, max_attempts=100, plan=PLAN)
        while (trial := slots.claim(lease)) is not None:
            number = slots.id_of(trial)
            trials = storage.get_all_trials(0)
            earlier = trial
            while not earlier.intermediate_values and "resumed_from" in earlier.user_attrs:
                earlier = trials[earlier.user_attrs["resumed_from"]]
            for epoch, value in earlier.intermediate_values.items():
                storage.set_trial_intermediate_value(number, epoch, value)
            end = trial.user_attrs.get("until") or ALLOWANCE
            for epoch in range(max(earlier.intermediate_values, default=-1) + 1, end):
                storage.set_trial_intermediate_value(number, epoch, trial.user_attrs["slot"] % 3)
            if end == ALLOWANCE:
                storage.set_trial_state_values(number, TrialState.COMPLETE, [1.0])
            else:
                slots.pause(trial, end, 1.0)
        assert slots.tally().is_complete


def outcome(storage: InMemoryStorage) -> dict[int, tuple]:
    """By slot, of the latest attempt."""
    slots = {}
    for trial in storage.get_all_trials(0):
        assert trial.state != TrialState.RUNNING
        slots[trial.user_attrs["slot"]] = (
            trial.state, len(trial.intermediate_values), trial.user_attrs.get("paused_at"),
            trial.user_attrs.get("until"), trial.user_attrs.get("spared"),
        )  # fmt: skip
    return slots


@pytest.mark.long
def test_whoever_dies_at_whatever_write_the_study_is_the_same(tmp_path):
    optuna.create_study(storage=(whole := Mortal()))
    whole.writes_left = 10**6
    work(whole, tmp_path / "whole")
    writes = int(10**6 - whole.writes_left)
    expected = outcome(whole)
    assert {state for state, *_ in expected.values()} == {TrialState.COMPLETE, TrialState.WAITING}
    assert sum(epochs for _, epochs, *_ in expected.values()) == BUDGET
    for at in range(writes):
        for after in (False, True):
            optuna.create_study(storage=(storage := Mortal()))
            storage.writes_left, storage.after = at, after
            folder = tmp_path / f"{at}{after}"
            with pytest.raises(Died):
                work(storage, folder)
            work(storage, folder)
            found = outcome(storage)
            assert sum(epochs for _, epochs, *_ in found.values()) == BUDGET
            same = {k: v[:2] for k, v in found.items()} == {k: v[:2] for k, v in expected.items()}
            assert same, (at, after, found, expected)


def paused_study() -> InMemoryStorage:
    storage = InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    study.set_user_attr("epochs", 100)
    trial = study.ask({"x": X})
    for key, value in {"slot": 0, "until": 2, "paused_at": 2, "pauses": 1}.items():
        trial.set_user_attr(key, value)
    trial.report(0.5, 0)
    trial.report(0.7, 1)
    storage.set_trial_state_values(0, TrialState.WAITING)
    return storage


def test_a_record_says_that_it_is_paused():
    storage = paused_study()
    record = load_study("s", storage)
    (trial,) = record.trials
    assert is_paused(storage.get_trial(0))
    assert (trial.state, trial.value, trial.curve) == ("paused", None, {0: 0.5, 1: 0.7})
    line = one_line(record)
    assert "100" in line and "1 paused" in line


def test_parts_of_a_run_are_read_as_one(tmp_path):
    for start in (0, 2):
        set_aside(tmp_path)
        (tmp_path / "csv").mkdir()
        rows = "".join(f"{e},{e / 10}\n" for e in range(start, start + 2))
        (tmp_path / "csv" / "metrics.csv").write_text(f"epoch,val/acc\n{rows}")
    set_aside(tmp_path)
    assert read_metrics(tmp_path) == {"val/acc": {0: 0.0, 1: 0.1, 2: 0.2, 3: 0.3}}
    assert {path.name for path in tmp_path.iterdir()} == {"csv.1", "csv.2"}


def test_a_later_part_wins_also_of_many(tmp_path):
    for part in range(12):
        set_aside(tmp_path)
        (tmp_path / "csv").mkdir()
        rows = "".join(f"{epoch},{part}\n" for epoch in (part, part + 1))
        (tmp_path / "csv" / "metrics.csv").write_text(f"epoch,val/acc\n{rows}")
    curve = read_metrics(tmp_path)["val/acc"]
    assert curve == {**{epoch: float(epoch) for epoch in range(12)}, 12: 11.0}


def test_a_trial_whose_depth_is_not_known_yet_keeps_no_other_from_beginning(tmp_path):
    """As of a plain Optuna program, or enqueued without a depth, until it is sampled."""
    depths = IntDistribution(1, 2)
    cells = tuple(value_cells("z", [1, 2]))
    plan = EpochPlan(BUDGET, ALLOWANCE, DepthHalving(), cells, maximize=True, seed=0)
    storage = InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    stranger = study.ask()
    slots = Slots(storage, 0, None, nullcontext, plan=plan)
    with Lease(tmp_path) as lease:
        mine = slots.claim(lease)
    assert mine is not None and mine.user_attrs["forced_to"]["z"] in (1, 2)
    assert slots.tally().running == 2
    stranger.suggest_int("z", depths.low, depths.high)
    standings = plan.standings(slots.ledger, slots.refresh())
    assert {len(group.trials) for group in standings.groups.values()} <= {0, 1, 2}
    assert not standings.others.trials


@pytest.mark.parametrize(("epochs", "claims"), [(150, 2), (5, 14)])
def test_running_trials_may_take_as_many_folds_as_a_complete_one(tmp_path, epochs, claims):
    """`data.folds=auto`: whether its five values are of folds or of epochs says the first trial."""
    plan = EpochPlan(600, 40, None, (), maximize=True, seed=0, per_fold=True)
    storage = InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    attrs = {"slot": 0, "attempt": 1, "epochs": epochs}
    first = create_trial(
        value=0.5, intermediate_values=dict.fromkeys(range(5), 0.5), user_attrs=attrs
    )
    study.add_trial(first)
    slots = Slots(storage, 0, None, nullcontext, plan=plan)
    with ExitStack() as stack:  # a worker each
        begun = [slots.claim(stack.enter_context(Lease(tmp_path))) for _ in range(15)]
    assert sum(trial is not None for trial in begun) == claims
