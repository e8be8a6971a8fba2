"""A study that never began is removed, but not from under somebody else."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import optuna
import pytest
from engine import Engine

from zmodel.study.budget.lease import Lease
from zmodel.study.folder import JOURNAL, WORKERS
from zmodel.study.removal import remove_unbegun
from zmodel.study.storage.opening import open_storage
from zmodel.study.storage.study_lock import study_lock


class Command:
    """One command on a study, as far as it opens and leaves it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, str(folder / JOURNAL)
        self.lock = partial(study_lock, self.address, folder)
        with self.lock():
            self.lease = Lease(folder / WORKERS)
            self.storage = open_storage(self.address)
            self.study = optuna.create_study(
                study_name="s", storage=self.storage, load_if_exists=True
            )

    def leave(self, address: str | None = None) -> bool:
        given = address or self.address
        return remove_unbegun(self.study, self.storage, given, self.folder, self.lock, self.lease)


def test_nothing_is_left_of_a_study_that_never_began(tmp_path: Path):
    assert Command(tmp_path / "s").leave()
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_leaves_does_not_remove_what_another_rehearses(tmp_path: Path):
    first, second = (Command(tmp_path / "s") for _ in range(2))
    assert not second.leave()
    first.study.ask()  # its journal is there
    second.lease.release()
    assert not first.leave(), "it has begun"
    assert len(first.study.trials) == 1


def test_the_last_one_removes_it_and_a_dead_one_does_not_count(tmp_path: Path):
    first, second = (Command(tmp_path / "s") for _ in range(2))
    first.lease.release(keep=True)  # killed
    (tmp_path / "s" / "notes").touch()
    assert second.leave()
    assert [p.name for p in (tmp_path / "s").iterdir()] == ["notes"]


@pytest.mark.parametrize("address", ["postgresql://h/db", "grpc://h:1"])
def test_a_server_keeps_its_study(tmp_path: Path, address: str):
    command = Command(tmp_path / "s")
    assert not command.leave(address)
    assert command.study.study_name == "s"


@pytest.mark.slow
def test_a_refused_command_leaves_the_study_to_the_one_that_still_rehearses(engine: Engine):
    inline = ("hydra.sweeper.n_jobs=0", "hydra.sweeper.n_trials=1")
    first = engine.start(*inline, "hydra.sweeper.preflight=['epochs=1','seconds=6']")
    try:
        for _ in range(600):
            if list(engine.folder.glob(".preflight-*")):
                break
            time.sleep(0.05)
        engine.run(*inline, "hydra.sweeper.preflight=['epochs=1']", "returns=None", code=1)
        assert first.poll() is None, "it was to be at work still"
        output, _ = first.communicate(timeout=60)
        assert first.returncode == 0, output
    finally:
        first.kill()
        first.communicate()
    (trial,) = engine.trials()
    assert trial.state == optuna.trial.TrialState.COMPLETE
