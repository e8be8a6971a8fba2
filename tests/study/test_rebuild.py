"""A journal that is gone is made again from the folders of the runs, and the study goes on."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import FrozenTrial, TrialState

from zmodel.study.budget.lease import Lease
from zmodel.study.budget.ledger import is_paused
from zmodel.study.budget.slots import Slots
from zmodel.study.folder import JOURNAL, unrecorded_runs
from zmodel.study.journal.file import JournalError
from zmodel.study.repair.mend_journal import repair
from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parents[2]
SPACE = {
    "model.z_layers": IntDistribution(1, 4),
    "model.optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
    "+kind": CategoricalDistribution(["cnn", "m'lp", "2", 2, True, None, "[5,3]"]),
}
TEXTS = {"cnn": "cnn", "m'lp": "'m\\'lp'", "2": "'2'", True: "true", None: "null"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study's folder without a journal; runs are put into it by `add_run`."""
    folder = tmp_path / "studies" / "deep"
    folder.mkdir(parents=True)
    fingerprint = {
        "direction": ["maximize"],
        "objective": "val/acc_best",
        "space": {name: json.loads(distribution_to_json(d)) for name, d in SPACE.items()},
    }
    write_study_json(folder, fingerprint=fingerprint)
    return folder


def write_study_json(folder: Path, **changes: Any) -> None:
    path = folder / "study.json"
    old = json.loads(path.read_text()) if path.exists() else {}
    made = {"study_name": "deep", "storage": str(folder / JOURNAL), "n_trials": 6, "pruner": None}
    path.write_text(json.dumps({**made, **old, **changes}))


def add_run(
    folder: Path, number: int, params: dict[str, Any], acc: float | None = None, **result: Any
) -> None:
    run = folder / "trials" / str(number)
    (run / ".hydra").mkdir(parents=True)
    lines = ["experiment=mlp", *(f"{name}={text(value)}" for name, value in params.items())]
    (run / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(lines))
    (run / "csv").mkdir()
    with (run / "csv" / "metrics.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerows([["epoch", "step", "val/acc"], [0, 1, 0.1], [1, 2, (acc or 0.5) / 2]])
    if acc is not None:
        known = {"metrics": {"val/acc_best": acc, "val/acc": acc / 2}, "epochs": 2, "max_epochs": 2}
        git = {"commit": "abc", "dirty": False}
        content = {**known, "parameters": 7, "stopped_early": False, "git": git, **result}
        (run / "result.json").write_text(json.dumps(content))


def text(value: Any) -> str:
    return TEXTS[value] if isinstance(value, str | bool | None) and value in TEXTS else str(value)


def point(z: int, lr: float = 0.01, kind: Any = "cnn") -> dict[str, Any]:
    return {"model.z_layers": z, "model.optimizer.lr": lr, "+kind": kind}


def trials(folder: Path) -> list[FrozenTrial]:
    storage = open_storage(str(folder / JOURNAL), read_only=True)
    return optuna.load_study(study_name="deep", storage=storage).trials


@pytest.mark.parametrize("journal", [None, b"", b"hello\n", b'{"op_code": 99}\n'])
def test_trials_come_back_with_parameters_values_and_curves(folder: Path, journal: bytes | None):
    kinds = SPACE["+kind"].choices
    for number, kind in enumerate(kinds):
        add_run(folder, number, point(1 + number % 4, 0.01 + number / 1000, kind), 0.9 - number / 9)
    if journal is not None:
        (folder / JOURNAL).write_bytes(journal)
    report = repair(folder)  # the folder will do
    assert report.rebuilt.states == {TrialState.COMPLETE: 7}
    assert (report.backup is None) == (not journal)
    for number, (trial, kind) in enumerate(zip(trials(folder), kinds, strict=True)):
        assert trial.params == point(1 + number % 4, 0.01 + number / 1000, kind)
        assert type(trial.params["+kind"]) is type(kind) and trial.distributions == SPACE
        assert trial.values == [0.9 - number / 9]
        assert trial.intermediate_values == {0: 0.1, 1: (0.9 - number / 9) / 2}
        attrs = trial.user_attrs
        assert attrs["slot"] == number and attrs["parameters"] == 7 and attrs["epochs"] == 2
        assert Path(attrs["dir"]) == folder / "trials" / str(number)
        assert trial.datetime_start <= trial.datetime_complete
    storage = open_storage(str(folder / JOURNAL), read_only=True)
    study = optuna.load_study(study_name="deep", storage=storage)
    assert study.best_trial.number == 0 and study.user_attrs["n_trials"] == 6
    assert study.user_attrs["fingerprint"]["objective"] == "val/acc_best"
    assert repair(folder).healthy


def claims(folder: Path) -> list[FrozenTrial]:
    """What workers are given until the budget is used up."""
    storage = open_storage(str(folder / JOURNAL))
    slots = Slots(storage, 0, n_trials=6, lock=nullcontext)
    lease = Lease(folder / "workers")
    given = []
    while ticket := slots.claim(lease):
        given.append(ticket)
        storage.set_trial_state_values(slots.id_of(ticket), TrialState.COMPLETE, [0.5])
    assert slots.tally().finished == slots.tally().total == 6
    return given


def test_a_study_goes_on_where_it_was(folder: Path):
    """Trial 1 was interrupted and given again as 3; 4 was interrupted; the folder of 2 is gone."""
    add_run(folder, 0, point(1), 0.6)
    add_run(folder, 1, point(2))
    add_run(folder, 3, point(2), 0.7)
    add_run(folder, 4, point(3))
    report = repair(folder / JOURNAL)
    assert report.rebuilt.states == {TrialState.COMPLETE: 2, TrialState.FAIL: 2}
    assert [t.state.name for t in trials(folder)] == [
        "COMPLETE",
        "FAIL",
        "FAIL",
        "COMPLETE",
        "FAIL",
    ]
    again, *fresh = claims(folder)
    assert again.user_attrs["resumed_from"] == 4
    assert again.system_attrs["fixed_params"] == point(3)
    assert [t.number for t in fresh] == [6, 7, 8] and not any(t.params for t in fresh)


def test_a_journal_that_lost_its_end_is_completed(folder: Path):
    for number in range(4):
        add_run(folder, number, point(1 + number), 0.5 + number / 10)
    repair(folder)
    whole = trials(folder)
    path = folder / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    begun = {"op_code": 4, "worker_id": "w-0", "study_id": 0, "datetime_start": None}
    with path.open("ab") as file:  # trial 2 had begun when this copy was made
        file.write(json.dumps({**begun, "user_attrs": {"slot": 2}}).encode() + b"\n")
    assert unrecorded_runs(folder, 3) == [3]
    report = repair(path)
    assert report.rebuilt.states == {TrialState.COMPLETE: 2} and report.backup is not None
    assert [(t.number, t.params, t.values, t.intermediate_values) for t in trials(folder)] == [
        (t.number, t.params, t.values, t.intermediate_values) for t in whole
    ]
    assert [t.user_attrs["slot"] for t in trials(folder)] == [0, 1, 2, 3]


def test_only_a_study_that_prunes_has_pruned_trials(folder: Path):
    add_run(folder, 0, point(1), 0.6, epochs=1, max_epochs=9)
    repair(folder)
    assert trials(folder)[0].state == TrialState.COMPLETE
    (folder / JOURNAL).unlink()
    write_study_json(folder, pruner={"_target_": "optuna.pruners.MedianPruner"})
    add_run(folder, 1, point(2), 0.6, epochs=1, max_epochs=9, stopped_early=True)
    repair(folder)
    states = [t.state for t in trials(folder)]
    assert states == [TrialState.PRUNED, TrialState.COMPLETE]


@pytest.mark.slow
def test_a_real_study_loses_its_journal_and_goes_on(tmp_path: Path):
    command = [
        sys.executable, "train.py", "-m", "hparams_search=zlayers", "data=digits",
        "model.kernel_size=3", "trainer.max_epochs=2", "hydra.sweeper.n_jobs=0",
        "hydra.sweeper.coverage=null", "hydra.sweeper.preflight=null", f"paths.log_dir={tmp_path}",
    ]  # fmt: skip
    folder = tmp_path / "studies" / "zlayers"

    def run(n_trials: int) -> int:
        call = [*command, f"hydra.sweeper.n_trials={n_trials}"]
        return subprocess.run(call, cwd=ROOT, capture_output=True).returncode

    def known() -> list[tuple[Any, ...]]:
        storage = open_storage(str(folder / JOURNAL), read_only=True)
        study = optuna.load_study(study_name="zlayers", storage=storage)
        attrs = ("slot", "epochs", "metrics", "parameters", "dir", "git_commit")
        return [
            (t.state, t.params, t.distributions, t.values, t.intermediate_values)
            + tuple(t.user_attrs[key] for key in attrs)
            for t in study.trials
        ]

    assert run(2) == 0
    before = known()
    (folder / JOURNAL).unlink()
    assert run(3) == 1, "it would overwrite the trials"
    repair(folder)
    assert known() == before
    assert run(3) == 0 and known()[:2] == before and len(known()) == 3


def test_what_cannot_be_read_is_left_out(folder: Path):
    add_run(folder, 0, {**point(9, 0.01, "other"), "gone": 3}, 0.6)
    add_run(folder, 1, point(2), 0.7, metrics={"val/acc_best": float("nan")})
    (folder / "trials" / "2" / ".hydra").mkdir(parents=True)
    (folder / "trials" / "notes").mkdir()
    repair(folder)
    found = trials(folder)
    assert found[0].params == {"model.optimizer.lr": 0.01} and found[0].values == [0.6]
    assert [t.state for t in found[1:]] == [TrialState.FAIL] * 2


def test_what_is_missing_is_named_and_nothing_is_written(folder: Path):
    with pytest.raises(JournalError, match="must exist"):
        repair(folder)  # there are no runs either
    add_run(folder, 0, point(1), 0.6)
    write_study_json(folder, storage="postgresql://u:***@h/db")
    with pytest.raises(JournalError, match="is kept in postgresql"):
        repair(folder)
    (folder / "study.json").unlink()
    with pytest.raises(JournalError, match="--direction"):
        repair(folder)
    assert not (folder / JOURNAL).exists()
    repair(folder, directions=["maximize"])
    assert [t.state for t in trials(folder)] == [TrialState.FAIL]  # without its metric's name


def test_runs_of_a_study_that_pauses_wait_for_their_turn(folder: Path):
    """0 is complete, 1 went on as 3 after a crash, 2 and 3 were paused, 4 left no checkpoint."""
    write_study_json(folder, stopping={"factor": 2}, epochs=60, n_trials=None)
    add_run(folder, 0, point(1), 0.6)
    for number, params in ((1, point(2)), (2, point(3)), (3, point(2)), (4, point(4))):
        add_run(folder, number, params)
        if number != 4:
            (folder / "trials" / str(number) / "checkpoints").mkdir()
            (folder / "trials" / str(number) / "checkpoints" / "last.ckpt").touch()
    assert repair(folder).rebuilt.states == {
        TrialState.COMPLETE: 1, TrialState.FAIL: 2, TrialState.WAITING: 2,
    }  # fmt: skip
    found = trials(folder)
    assert [is_paused(t) for t in found] == [False, False, True, True, False]
    assert [t.user_attrs.get("paused_at") for t in found[2:4]] == [2, 2]
    assert found[2].params == point(3) and len(found[2].intermediate_values) == 2
    assert found[3].user_attrs["slot"] == found[1].user_attrs["slot"]
    assert found[3].user_attrs["resumed_from"] == 1
