from __future__ import annotations

import os
import random
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.journal.file import JournalError, JournalFile
from zmodel.study.repair.mend_journal import repair
from zmodel.study.storage.file_lock import LOCK_FILE

WORKERS, TRIALS = 3, 8
X = optuna.distributions.FloatDistribution(0, 1)


def write_study(path: Path, *, tickets: bool) -> list[FrozenTrial]:
    """Workers take turns at random. Trials are begun by them, or were all made in advance."""
    draw = random.Random(1)
    workers = [JournalStorage(JournalFile(path)) for _ in range(WORKERS)]
    workers[0].create_new_study([optuna.study.StudyDirection.MAXIMIZE], "study")
    slots = [{"slot": slot, "attempt": 1} for slot in range(TRIALS)]
    if tickets:
        for attrs in slots:
            ticket = create_trial(state=TrialState.WAITING, user_attrs=attrs)
            workers[0].create_new_trial(0, ticket)
    jobs = [work(workers[n % WORKERS], slot, tickets, draw) for n, slot in enumerate(slots)]
    while jobs:
        job = draw.choice(jobs[:WORKERS])
        if next(job, "done"):
            jobs.remove(job)
    return workers[0].get_all_trials(0)


def work(storage: JournalStorage, attrs: dict[str, int], ticket: bool, draw: random.Random):
    if ticket:
        trial = attrs["slot"]
        storage.set_trial_state_values(trial, TrialState.RUNNING)
    else:
        running = create_trial(state=TrialState.RUNNING, user_attrs=attrs)
        trial = storage.create_new_trial(0, running)
    yield
    storage.set_trial_param(trial, "x", draw.random(), X)
    for epoch in range(3):
        yield
        storage.set_trial_intermediate_value(trial, epoch, draw.random())
    yield
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [draw.random()])


def read(path: Path) -> list[FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(path)))
    return storage.get_all_trials(storage.get_study_id_from_name("study"))


def outcome(trial: FrozenTrial) -> tuple[object, ...]:
    return trial.number, trial.state, trial.params, trial.values, trial.intermediate_values


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study" / "study.journal"
    write_study(path, tickets=False)
    return path


@pytest.mark.parametrize("damage", ["garbage", "second half only", "zeros"])
@pytest.mark.parametrize("tickets", [False, True], ids=["begun by workers", "made in advance"])
def test_any_lost_line_changes_at_most_the_trial_it_was_about(
    tmp_path: Path, tickets: bool, damage: str
) -> None:
    path = tmp_path / "study" / "study.journal"
    before = write_study(path, tickets=tickets)
    lines = path.read_bytes().splitlines()
    for lost, line in enumerate(lines):
        bad = {"garbage": b"garbage", "second half only": line[len(line) // 2 :]}
        damaged = [*lines[:lost], bad.get(damage, b"\0" * len(line)), *lines[lost + 1 :]]
        path.write_bytes(b"\n".join(damaged) + b"\n")
        report = repair(path, directions=["maximize"])
        assert list(report.damaged) == [lost + 1] and not report.healthy
        after = read(path)
        assert len(after) == len(before), (lost + 1, line, str(report))
        changed = [t.number for t, u in zip(before, after, strict=True) if outcome(t) != outcome(u)]
        assert len(changed) <= 1, (lost + 1, line, str(report))


def creation_of(path: Path, number: int) -> int:
    """The line (0-based) that creates this trial."""
    lines = path.read_bytes().splitlines()
    return [n for n, line in enumerate(lines) if line.startswith(b'{"op_code":4')][number]


def spoil(path: Path, *numbers: int) -> None:
    lines = path.read_bytes().splitlines()
    for number in numbers:
        lines[number] = b"?"
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_a_lost_creation_is_made_again_with_its_slot_and_results(path: Path) -> None:
    before = read(path)
    line = creation_of(path, 2)
    spoil(path, line)
    assert line + 1 in repair(path).damaged
    assert outcome(read(path)[2]) == outcome(before[2])
    assert read(path)[2].user_attrs["slot"] == before[2].user_attrs["slot"]
    assert str(line + 1) in read(path)[2].user_attrs["repaired"]


def test_several_lost_creations_keep_every_number(path: Path) -> None:
    before = read(path)
    spoil(path, *(creation_of(path, number) for number in (1, 2, 5)))
    repair(path)
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]
    assert {t.user_attrs["slot"] for t in read(path)} == set(range(TRIALS))


def test_a_lost_creation_without_an_outcome_fails_and_gives_its_slot_back(path: Path) -> None:
    slot = read(path)[2].user_attrs["slot"]
    end = next(
        n
        for n, line in enumerate(path.read_bytes().splitlines())
        if b'"trial_id":2,"state":1' in line
    )
    spoil(path, creation_of(path, 2), end)
    report = repair(path)
    assert report.rebuilt.states == {TrialState.FAIL: 1}
    trial = read(path)[2]
    assert trial.state == TrialState.FAIL and len(trial.intermediate_values) == 3
    assert trial.user_attrs["slot"] == slot and trial.user_attrs["interrupted"]


REFUSED = [
    b'{"op_code":99,"worker_id":"w-0","study_id":0}',
    b'{"op_code":6,"worker_id":"w-0","trial_id":0,"state":77,"values":null}',
    b'{"op_code":2,"worker_id":"w-0","study_id":0,"user_attr":{"a":1,"b":2}}',
    b'{"op_code":4,"worker_id":"w-0","study_id":0,"datetime_start":"today"}',
    b'{"op_code":8,"worker_id":"w-0","trial_id":999999999,"user_attr":{"a":1}}garbage',
]


@pytest.mark.parametrize("line", REFUSED)
def test_what_optuna_cannot_apply_is_set_aside(path: Path, line: bytes) -> None:
    before = read(path)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:9], line, *lines[9:]]) + b"\n")
    report = repair(path)
    assert list(report.damaged) == [10]
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]
    assert line in report.backup.read_bytes()


def test_a_trial_number_that_cannot_be_makes_no_end_of_trials(path: Path) -> None:
    line = b'{"op_code":8,"worker_id":"w-0","trial_id":999999999,"user_attr":{"a":1}}\n'
    path.write_bytes(path.read_bytes() + b"garbage\n" + line)
    repair(path)
    assert TRIALS <= len(read(path)) <= TRIALS + 1


def test_logs_behind_a_torn_one_are_kept(path: Path) -> None:
    """A full disk under plain Optuna: a torn line, and the next log on the same line."""
    before = read(path)
    lines = path.read_bytes().splitlines()
    for n in (3, 9):
        lines[n] = b'{"op_code":4,"worker_id":"0-0","study_i' + lines[n]
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = repair(path)
    assert list(report.damaged) == [4, 10]
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]


def test_the_backup_is_the_damaged_file_and_nothing_else_is_left(path: Path) -> None:
    damaged = path.read_bytes().replace(b'{"op_code":7', b"", 1) + b'{"op_code":4,"wor'
    path.write_bytes(damaged)
    report = repair(path)
    assert report.torn_bytes == 17 and report.backup is not None
    assert report.backup.read_bytes() == damaged
    left = {path.name, report.backup.name, LOCK_FILE}
    assert set(os.listdir(path.parent)) == left
    assert repair(path).healthy and not repair(path).damaged


def test_a_running_process_notices_the_repair(path: Path) -> None:
    storage = JournalStorage(JournalFile(path))
    path.write_bytes(path.read_bytes() + b"garbage\n")
    repair(path)
    with pytest.raises(JournalError, match="by a repair"):
        storage.create_new_trial(0)


def test_a_lost_study_needs_its_direction_and_takes_the_name_of_its_folder(path: Path) -> None:
    before = read(path)
    lines = path.read_bytes().splitlines()
    lines[0] = b"garbage"
    damaged = b"\n".join(lines) + b"\n"
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="direction"):
        repair(path)
    assert path.read_bytes() == damaged and set(os.listdir(path.parent)) == {path.name, LOCK_FILE}
    repair(path, directions=["maximize"])
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="must exist"):
        repair(tmp_path / "missing")
    (tmp_path / "notes").write_bytes(b"some\nnotes\n")
    with pytest.raises(JournalError, match="notes .*2 lines"):
        repair(tmp_path / "notes")
    assert os.listdir(tmp_path) == ["notes"]
