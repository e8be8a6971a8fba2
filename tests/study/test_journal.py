from __future__ import annotations

import errno
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock, JournalStorage
from optuna.testing.pytest_storages import StorageTestCase

from zmodel.study.journal import file as journal_module
from zmodel.study.journal.file import JournalError, JournalFile
from zmodel.study.storage.opening import open_storage

APPENDERS = Path(__file__).parents[1] / "support" / "appenders.py"
LOG = {"op_code": 2, "worker_id": "w-0", "study_id": 0, "user_attr": {"k": 0}}


@pytest.fixture
def storage(tmp_path: Path) -> BaseStorage:
    return JournalStorage(JournalFile(tmp_path / "a.journal"))


class TestOptunasOwnContract(StorageTestCase):
    """Optuna's suite for storages, over our backend."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one study and two finished trials."""
    path = tmp_path / "logs" / "study.journal"
    study = optuna.create_study(storage=open_journal(path), study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return path


def open_journal(path: Path, **options: object) -> JournalStorage:
    return JournalStorage(JournalFile(path, **options))


def with_plain_optuna(path: Path) -> optuna.Study:
    return optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))


def damage(path: Path, line: int, text: bytes) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[line - 1] = text
    path.write_bytes(b"\n".join(lines))


# -- the format, and living together with plain Optuna ------------------------------------------


def test_plain_optuna_and_we_write_to_the_same_file(path: Path) -> None:
    ours = optuna.load_study(study_name="s", storage=open_journal(path))
    theirs = with_plain_optuna(path)
    for study in (theirs, ours, theirs):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert [t.number for t in ours.trials] == [0, 1, 2, 3, 4]
    assert [t.params for t in ours.trials] == [t.params for t in theirs.trials]


def test_a_leftover_lock_of_plain_optuna_does_not_block(path: Path) -> None:
    JournalFileSymlinkLock(str(path)).acquire()
    with path.open("ab") as file:  # the one left by a killed writer, with its torn line
        file.write(b'{"op_code":8,"wor')
    start = time.monotonic()
    open_journal(path).create_new_trial(0)
    assert time.monotonic() - start < 1
    assert len(with_plain_optuna(path).trials) == 3


def test_the_path_is_absolute(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    backend = JournalFile(path.name)
    monkeypatch.chdir("/")
    backend.append_logs([LOG])
    assert backend.path == str(path) and len(list(backend.read_logs(0))) == 1 + last_log(path)


def test_a_program_may_end_while_it_holds_a_study(path: Path, monkeypatch) -> None:
    """Python has then emptied the modules that the journal was made of."""
    backend = JournalFile(path)
    number = backend._file
    with monkeypatch.context() as ending:
        ending.setattr(journal_module, "os", None)
        del backend
    with pytest.raises(OSError):
        os.fstat(number)


def last_log(path: Path) -> int:
    return path.read_bytes().count(b"\n") - 1


def test_logs_are_read_from_any_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "CHUNK", 50)  # less than a line: all borders are met
    writer, reader = JournalFile(tmp_path / "j"), JournalFile(tmp_path / "j")
    logs = [{**LOG, "user_attr": {"k": f"{n}\u00e4\n"}} for n in range(9)]
    writer.append_logs(logs[:4])
    assert list(reader.read_logs(0)) == logs[:4]
    writer.append_logs(logs[4:])
    for start in (4, 9, 2, 0, 5, 12):
        assert list(reader.read_logs(start)) == logs[start:]
    half_way = iter(reader.read_logs(0))
    assert [next(half_way), next(half_way)] == logs[:2]
    assert list(reader.read_logs(2)) == logs[2:]
    assert list(pickle.loads(pickle.dumps(reader)).read_logs(8)) == logs[8:]


def test_only_what_is_new_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = JournalFile(path)
    storage = JournalStorage(backend)
    read = 0
    pread = os.pread

    def counting(file: int, length: int, offset: int) -> bytes:
        nonlocal read
        read += length
        return pread(file, length, offset)

    monkeypatch.setattr(os, "pread", counting)
    storage.set_study_user_attr(0, "k", 1)
    assert read < 1000 < path.stat().st_size


# -- kill -9 ------------------------------------------------------------------------------------


def kill_appenders(path: Path, kills: int, seed: int) -> None:
    command = [sys.executable, str(APPENDERS), str(path), str(kills), str(seed)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    written = [t.user_attrs.get("name") for t in with_plain_optuna(path).trials]
    assert len(result["names"]) > kills
    assert set(result["names"]) <= set(written) and len(set(written)) == len(written) - 1
    assert result["longest"] < 1  # seconds: a dead one's lock would hold the others


def test_kill_9_loses_nothing_acknowledged_and_blocks_nobody(path: Path) -> None:
    kill_appenders(path, kills=60, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_more_kills(path: Path, seed: int) -> None:
    kill_appenders(path, kills=500, seed=seed)


def test_a_dead_holder_frees_the_lock_and_a_living_one_excludes(path: Path) -> None:
    hold = f"""
import fcntl, time
file = open({str(path)!r}, "rb+"); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder, holder.stdout:
        holder.stdout.readline()
        done = threading.Event()
        backend = JournalFile(path)
        waiter = threading.Thread(target=lambda: (backend.append_logs([LOG]), done.set()))
        waiter.start()
        assert not done.wait(0.2)
        holder.kill()
        assert done.wait(1)
        waiter.join()


# -- failing writes and torn lines --------------------------------------------------------------


@pytest.mark.parametrize("tail", [b"{", b'{"op_code":4,"worker_id":"\xc3', b"\0\0\0\0", b'{"a":1}'])
def test_a_torn_line_is_ignored_by_reading_and_removed_by_appending(
    path: Path, tail: bytes
) -> None:
    before = path.read_bytes()
    path.write_bytes(before + tail)
    storage = open_journal(path)
    assert len(storage.get_all_trials(0)) == 2
    assert path.read_bytes() == before + tail
    storage.create_new_trial(0)
    assert path.read_bytes().startswith(before + b'{"op_code":4,"worker_id"')
    assert len(with_plain_optuna(path).trials) == 3


def test_a_torn_line_longer_than_a_block_is_removed(path: Path) -> None:
    before = path.read_bytes()
    path.write_bytes(before + b"{" + b"x" * 200_000)
    JournalFile(path).append_logs([LOG])
    assert path.read_bytes() == before + json.dumps(LOG, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def small_disk(path: Path) -> Iterator[int]:
    """Files cannot grow by more than 100 bytes: the kernel writes a part, then refuses."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, limits[1]))
    yield 100
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path, small_disk: int) -> None:
    before = path.read_bytes()
    storage = open_journal(path)
    with pytest.raises(JournalError, match="Nothing was written"):
        storage.set_study_user_attr(0, "k", "x" * 10_000)
    assert path.read_bytes() == before
    assert storage.get_study_user_attrs(0) == {}
    assert len(with_plain_optuna(path).trials) == 2


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting needs root")
def test_a_really_full_disk_and_its_recovery(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this system does not let us mount a small disk")
    try:
        filler = tmp_path / "filler"
        study = optuna.create_study(storage=open_journal(tmp_path / "j"), study_name="s")
        filler.write_bytes(b"x" * 55_000)
        with pytest.raises(JournalError, match="No space left on device") as info:
            for n in range(1000):
                study.set_user_attr(f"key {n}", "x" * 300)
        assert info.value.__cause__.errno == errno.ENOSPC
        acknowledged = dict(study.user_attrs)
        assert acknowledged and with_plain_optuna(tmp_path / "j").user_attrs == acknowledged
        filler.unlink()
        study.set_user_attr("again", 1)
        assert with_plain_optuna(tmp_path / "j").user_attrs == {**acknowledged, "again": 1}
        del study
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_an_input_output_error_while_syncing_is_rolled_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    storage = open_journal(path)

    def fail(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(JournalError, match="Input/output error"):
        storage.set_study_user_attr(0, "k", 1)
    assert path.read_bytes() == before


def test_ctrl_c_after_a_complete_write_takes_nothing_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = open_journal(path)
    backend = JournalFile(path)

    def interrupt(file: int) -> None:
        assert reader.get_study_user_attrs(0) == {"k": 0}  # another process has read it
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backend.append_logs([LOG])
    assert reader.get_study_user_attrs(0) == {"k": 0}


def test_a_reader_notices_that_what_it_read_was_taken_back(path: Path) -> None:
    storage = open_journal(path)
    storage.set_study_user_attr(0, "k", "value")
    size = path.stat().st_size
    os.truncate(path, size - 10)
    with pytest.raises(JournalError, match="must only grow"):
        storage.get_study_user_attrs(0)
    path.write_bytes(path.read_bytes() + b'}}other"}}\n{}\n')
    with pytest.raises(JournalError, match="must only grow"):
        storage.get_study_user_attrs(0)


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b"garbage",
        b"",
        b"\0" * 50,
        b"[1]",
        b"{}",
        b'{"op_code":6,"worker_id":"w-0"}',
        b'{"op_code":99,"worker_id":"w-0"}',  # Optuna's answer: Should not reach.
    ],
)
def test_damage_is_reported_with_file_lines_and_remedy(path: Path, text: bytes) -> None:
    damage(path, 2, text)
    damage(path, 4, text)
    with pytest.raises(JournalError) as info:
        open_journal(path)
    assert str(path) in str(info.value) and "on lines 2, 4." in str(info.value)
    assert f"python -m zmodel.study repair {path}" in str(info.value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"op_code":0,"worker_id":"w-0","study_name":"t","directions":["up"]}',
        b'{"op_code":4,"worker_id":"w-0","study_id":0,"datetime_start":"today"}',
        b'{"op_code":6,"worker_id":"w-0","trial_id":2,"state":77,"values":null}',
        b'{"op_code":8,"worker_id":"w-0","trial_id":2,"user_attr":{"a":1,"b":2}}',
    ],
)
def test_a_line_that_optuna_cannot_apply_is_named(path: Path, text: bytes) -> None:
    begin = b'{"op_code":4,"worker_id":"w-0","study_id":0,"datetime_start":null}\n'
    lines = last_log(path) + 1
    path.write_bytes(path.read_bytes() + begin + text + b"\n")
    with pytest.raises(JournalError, match=f"on line {lines + 2}\\."):
        open_storage(str(path), read_only=True)


def test_damage_behind_what_was_read_is_reported_with_its_line(path: Path) -> None:
    storage = open_journal(path)
    lines = last_log(path) + 1
    path.write_bytes(path.read_bytes() + b"garbage\n")
    with pytest.raises(JournalError, match=f"on line {lines + 1}\\."):
        storage.get_all_trials(0)


def test_a_text_that_is_no_journal_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"some notes without an end of line")
    with pytest.raises(JournalError, match="on line 1"):
        open_journal(tmp_path / "notes")
    with pytest.raises(JournalError, match="is not a journal"):
        JournalFile(tmp_path / "notes").append_logs([LOG])
    assert (tmp_path / "notes").read_bytes() == b"some notes without an end of line"


def test_a_deleted_journal_is_not_started_anew(path: Path) -> None:
    storage = open_journal(path)
    path.unlink()
    for use in (lambda: storage.create_new_trial(0), lambda: storage.get_all_trials(0)):
        with pytest.raises(JournalError, match=f"{path.name} .*no such file"):
            use()
    assert not path.exists()


def test_a_journal_made_anew_in_its_place_is_not_mixed_up(path: Path) -> None:
    storage = open_journal(path)
    path.unlink()
    optuna.create_study(storage=open_journal(path), study_name="other")
    before = path.read_bytes()
    for use in (lambda: storage.create_new_trial(0), lambda: storage.get_all_trials(0)):
        with pytest.raises(JournalError, match=f"{path.name} .*in its place"):
            use()
    assert path.read_bytes() == before


def test_deletion_during_an_append_is_not_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = JournalFile(path)
    monkeypatch.setattr(os, "fsync", lambda file: path.unlink())
    with pytest.raises(JournalError, match="must exist"):
        backend.append_logs([LOG])


def test_reading_only_makes_and_changes_nothing(path: Path) -> None:
    storage = open_journal(path, read_only=True)
    before = path.read_bytes()
    assert len(storage.get_all_trials(0)) == 2
    with pytest.raises(JournalError, match="for reading only"):
        storage.create_new_trial(0)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]
    for options in ({"read_only": True}, {"create": False}):
        with pytest.raises(JournalError, match="must exist"):
            open_journal(path.with_name("missing"), **options)
    assert os.listdir(path.parent) == [path.name]


@pytest.fixture
def forbidden_folder() -> Iterator[Path]:
    """A folder in which we may not write; root may everywhere, so it becomes somebody else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        optuna.create_study(storage=open_journal(folder / "j"), study_name="s")
        (folder / "j").chmod(0o444)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield folder
        os.seteuid(user)
        folder.chmod(0o755)


def test_a_read_only_folder_is_a_clear_error_but_can_be_read(forbidden_folder: Path) -> None:
    for path in (forbidden_folder / "new.journal", forbidden_folder / "sub" / "new.journal"):
        with pytest.raises(ValueError, match=r"Permission denied.*paths\.log_dir"):
            open_journal(path)
    storage = open_journal(forbidden_folder / "j", create=False)
    assert storage.get_study_name_from_id(0) == "s"
    with pytest.raises(ValueError, match="Permission denied"):
        storage.create_new_trial(0)


def test_a_stopped_holder_of_the_lock_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import fcntl

    from zmodel.study.storage import file_lock

    monkeypatch.setattr(file_lock, "WARN_AFTER", 0.05)
    backend = JournalFile(path)
    with path.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiter = threading.Thread(target=backend.append_logs, args=([LOG],))
        waiter.start()
        time.sleep(0.3)
    waiter.join()
    assert f"waiting for the lock of {path}" in caplog.text
