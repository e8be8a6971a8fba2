"""Parts of benchmarks/kill.py with quick tasks: many kills, many reapers, many first starts."""

from __future__ import annotations

import multiprocessing
import random
import signal
import tempfile
import time
from collections import Counter
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

from killing.commands import living, send
from tests.support.engine import Engine, finished
from tests.support.servers import Postgres, postgres_binaries
from zmodel.study.budget.lease import Lease
from zmodel.study.budget.slots import Slots, lease_attrs
from zmodel.study.storage.opening import open_storage
from zmodel.study.storage.study_lock import study_lock

Faulty = list[str]
FORK = multiprocessing.get_context("fork")


def wrong_budget(engine: Engine, slots: int, max_attempts: int = 3) -> Faulty:
    """What is wrong with a study that must have one complete outcome per slot."""
    outcomes = engine.outcomes(max_attempts)
    found = [t.user_attrs["slot"] for t in outcomes]
    wrong = [] if found == list(range(slots)) else [f"outcomes of slots {found}"]
    if finished(outcomes) != slots or finished(engine.trials()) != slots:
        wrong.append(f"{finished(engine.trials())} trials are complete")
    if len({str(t.params) for t in outcomes}) != slots:
        wrong.append("parameters are there twice")
    return wrong


def kill_workers(seed: int, kills: int = 200, slots: int = 200) -> tuple[str, dict[str, Faulty]]:
    """kill -9 of random workers all along."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        process = engine.start(
            f"hydra.sweeper.n_trials={slots}", "hydra.sweeper.n_jobs=4", "epochs=8", "seconds=0.1",
            "hydra.sweeper.max_attempts=1000",
        )  # fmt: skip
        engine.wait(lambda ts: len(ts) > 4)
        study, done, told = engine.study(), 0, {}
        while done < kills and process.poll() is None:
            time.sleep(dice.uniform(0.05, 0.4))
            told |= {t.number: t.values for t in study.trials if t.state == TrialState.COMPLETE}
            workers = _workers(engine, process.pid)
            done += bool(workers) and send(dice.choice(workers), signal.SIGKILL)
        process.communicate(timeout=900)
        trials = engine.trials()
        checks = {
            "the command ends with 0": [] if process.returncode == 0 else [str(process.returncode)],
            "it was hit all along": [] if done == kills else ["it was over too soon"],
            "every slot has exactly one outcome": wrong_budget(engine, slots, 1000),
            "what was complete stayed as it was": [
                f"trial {n}" for n, values in told.items() if trials[n].values != values
            ],
        }
    return f"{done} workers killed, {len(trials)} attempts at {slots} slots", checks


def _workers(engine: Engine, controller: int) -> list[int]:
    """Living workers, from the names of their leases (host-pid-id.lease)."""
    leases = (engine.folder / "workers").glob("*.lease")
    found = {int(lease.stem.split("-")[-2]) for lease in leases} - {controller}
    return sorted(found & {pid for pid, _ in living()})


def _reap(storage: str, folder: Path, slots: int, barrier: Barrier) -> None:
    opened = open_storage(storage, create=False)
    budget = Slots(opened, 0, slots, partial(study_lock, storage, folder), max_attempts=1000)
    barrier.wait()
    budget.reap()


def _leave_dead(storage: str, folder: Path, slots: list[int]) -> None:
    """In a process that ends: trials that run under its lease."""
    opened, lease = open_storage(storage, create=False), Lease(folder / "workers")
    for slot in slots:
        attrs = {"slot": slot, "attempt": 1, **lease_attrs(lease)}
        opened.create_new_trial(0, create_trial(state=TrialState.RUNNING, user_attrs=attrs))


def _given_again(storage: BaseStorage) -> Counter[int]:
    trials = storage.get_all_trials(0)
    assert not any(t.state == TrialState.RUNNING for t in trials)
    return Counter(t.user_attrs["resumed_from"] for t in trials if t.state == TrialState.WAITING)


def race_reapers(rounds: int = 20, reapers: int = 4) -> tuple[str, dict[str, Faulty]]:
    """Reapers at a barrier, on a study whose workers have died."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    wrong, dead = [], 0
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            storage = str(folder / "study.journal")
            optuna.create_study(storage=open_storage(storage))
            slots = list(range(1 + number % 5))
            _join([FORK.Process(target=_leave_dead, args=(storage, folder, slots))])
            barrier = FORK.Barrier(reapers)
            arguments = (storage, folder, len(slots), barrier)
            _join([FORK.Process(target=_reap, args=arguments) for _ in range(reapers)])
            found = _given_again(open_storage(storage, read_only=True))
            dead += len(slots)
            if found != Counter(slots):
                wrong.append(f"round {number}: {dict(found)} of {len(slots)} trials")
    summary = f"{rounds} rounds of {reapers} reapers, {dead} dead trials"
    return summary, {"every dead trial is given again exactly once": wrong}


def _join(processes: list[multiprocessing.process.BaseProcess]) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def start_on_postgres(starts: int = 8, slots: int = 32) -> tuple[str, dict[str, Faulty]]:
    """Commands that start at once, on a database without a table."""
    if postgres_binaries() is None:
        return "skipped: PostgreSQL is not installed (no initdb)", {}
    server = Postgres()
    try:
        with tempfile.TemporaryDirectory() as folder:
            engine = Engine(Path(folder), "starts", server.url)
            command = (f"hydra.sweeper.n_trials={slots}", "hydra.sweeper.n_jobs=1", "epochs=1")
            processes = [engine.start(*command) for _ in range(starts)]
            outputs = [process.communicate(timeout=600)[0] for process in processes]
            failed = [
                f"{p.returncode}: {output[-2000:]}"
                for p, output in zip(processes, outputs, strict=True)
                if p.returncode
            ]
            checks = {
                "every command ends with 0": failed,
                "every slot has exactly one outcome": wrong_budget(engine, slots),
            }
    finally:
        server.remove()
    return f"{starts} starts at once on an empty PostgreSQL, {slots} slots", checks
