from __future__ import annotations

import os
import random
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from zmodel.study.journal.file import JournalError, JournalFile
from zmodel.study.journal.lines import Gap
from zmodel.study.journal.lost import lost_trials
from zmodel.study.journal.repair import repair

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


def log(op: int, worker: str, **fields: object) -> dict[str, object]:
    return {"op_code": op, "worker_id": f"{worker}-1", "study_id": 0, **fields}


STUDY = log(0, "a", study_name="study", directions=[2])


def test_what_follows_tells_more_than_what_a_damaged_line_looks_like() -> None:
    """Worker a writes to trial 1, which it has just begun: so none was begun in between."""
    gap = Gap(3, b'{"op_code":4,"worker_i?', torn=False)
    begin = log(4, "a", datetime_start=None)
    write = log(8, "a", trial_id=1, user_attr={"k": 0})
    assert lost_trials([STUDY, begin, gap, begin, write]) == {gap: 0}


def test_nobody_writes_to_a_finished_trial() -> None:
    """Trial 1 is claimed and finished: it cannot be the second one, which was added finished."""
    gap = Gap(3, b"?", torn=False)
    added = log(4, "a", datetime_start=None, state=1)
    claim = log(6, "b", trial_id=1, state=0, values=None)
    end = log(6, "b", trial_id=1, state=1, values=[0.5])
    assert lost_trials([STUDY, added, gap, added, claim, end]) == {gap: 1}


def test_a_lost_creation_is_made_again_with_its_slot_and_results(path: Path) -> None:
    before = read(path)
    lines = path.read_bytes().splitlines()
    creation = [n for n, line in enumerate(lines) if line.startswith(b'{"op_code":4')][2]
    lines[creation] = b"?"
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = repair(path)
    assert "trial id 2 was created again, its later lines complete it" in str(report)
    assert f"line {creation + 1}: " in str(report)
    assert outcome(read(path)[2]) == outcome(before[2])
    assert read(path)[2].user_attrs["slot"] == before[2].user_attrs["slot"]
    assert str(creation + 1) in read(path)[2].user_attrs["repaired"]


def test_a_lost_creation_without_an_outcome_fails_and_gives_its_slot_back(path: Path) -> None:
    slot = read(path)[2].user_attrs["slot"]
    lines = path.read_bytes().splitlines()
    creation = [n for n, line in enumerate(lines) if line.startswith(b'{"op_code":4')][2]
    end = next(n for n, line in enumerate(lines) if b'"trial_id":2,"state":1' in line)
    lines[creation], lines[end] = b"?", b"?"
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert "trial id 2 was created again, set to FAIL" in str(repair(path))
    trial = read(path)[2]
    assert trial.state == TrialState.FAIL and len(trial.intermediate_values) == 3
    assert trial.user_attrs["fail_reason"] == f"JournalDamage: line {creation + 1}"
    assert trial.user_attrs["slot"] == slot and trial.user_attrs["interrupted"]


def test_logs_behind_a_torn_one_are_kept(path: Path) -> None:
    """A full disk under plain Optuna: a torn line, and the next log on the same line."""
    before = read(path)
    lines = path.read_bytes().splitlines()
    for n in (3, 9):
        lines[n] = b'{"op_code":4,"worker_id":"0-0","study_i' + lines[n]
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = repair(path)
    assert report.damaged[4] == '1 log(s) on it kept, "create trial" lost'
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]


def test_the_backup_is_the_damaged_file_and_nothing_else_is_left(path: Path) -> None:
    damaged = path.read_bytes().replace(b'{"op_code":7', b"", 1) + b'{"op_code":4,"wor'
    path.write_bytes(damaged)
    report = repair(path)
    assert report.torn_bytes == 17 and report.backup is not None
    assert report.backup.read_bytes() == damaged
    assert sorted(os.listdir(path.parent)) == sorted([path.name, report.backup.name])
    assert repair(path).healthy and "nothing changed" in str(repair(path))


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
    with pytest.raises(JournalError, match="its name or direction cannot be read"):
        repair(path)
    assert path.read_bytes() == damaged and os.listdir(path.parent) == [path.name]
    repair(path, directions=["maximize"])
    assert [outcome(t) for t in read(path)] == [outcome(t) for t in before]


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="must exist"):
        repair(tmp_path / "missing")
    (tmp_path / "notes").write_bytes(b"some\nnotes\n")
    with pytest.raises(JournalError, match="none of its 2 lines is a log"):
        repair(tmp_path / "notes")
    assert os.listdir(tmp_path) == ["notes"]
