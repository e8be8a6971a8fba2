"""Locks and leases: what processes that are stopped, killed or forked do to each other."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zmodel.study.budget import lease as leases
from zmodel.study.budget.lease import Lease, Observer, others_at_work, remove_dead
from zmodel.study.storage.errors import NoFlock, StorageError
from zmodel.study.storage.file_lock import LOCK_FILE, acquire, file_lock, folder_lock, release
from zmodel.study.storage.study_lock import study_lock


class Child:
    """A forked process that does some work and then lives on until it is killed."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                work()
                os.write(write, b"done")
                time.sleep(60)
            finally:
                os._exit(1)
        os.close(write)

    def wait(self) -> None:
        """Until its work is done."""
        assert os.read(self._read, 4) == b"done"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._read)


@pytest.fixture
def forked() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def fork(work: Callable[[], object] = lambda: None, *, wait: bool = True) -> Child:
        children.append(Child(work))
        if wait:
            children[-1].wait()
        return children[-1]

    yield fork
    for child in children:
        child.kill()


def is_free(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


# -- the lock of a study ------------------------------------------------------------------------

HOLDER = """
import sys
from pathlib import Path
from zmodel.study.storage.file_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that holds the lock of the folder s until it reads a line."""
    started = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path / "s")]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_deleted_lock_file_lets_nobody_in_beside_its_stopped_holder(tmp_path: Path, holder):
    first = holder()
    assert first.stdout.readline() == "held\n"
    first.send_signal(signal.SIGSTOP)
    (tmp_path / "s" / LOCK_FILE).unlink()
    second = holder()
    # it holds the new file, and waits for the folder
    assert not select.select([second.stdout], [], [], 1.0)[0]
    first.send_signal(signal.SIGCONT)
    first.communicate("\n")
    assert second.stdout.readline() == "held\n"


LOCKS = [folder_lock, lambda folder: file_lock(folder / LOCK_FILE)]


@pytest.mark.parametrize("lock", LOCKS)
def test_what_was_deleted_while_one_waited_is_made_again(tmp_path: Path, forked, lock):
    folder = tmp_path / "s"

    def enter() -> None:
        with lock(folder):
            assert not is_free(folder / LOCK_FILE)
            (folder / "entered").touch()

    with lock(folder):
        child = forked(enter, wait=False)
        time.sleep(0.2)  # it waits for the file that goes now
        (folder / LOCK_FILE).unlink()
        folder.rmdir()
    child.wait()
    assert (folder / "entered").is_file() and is_free(folder / LOCK_FILE) and is_free(folder)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_child_that_is_forked_meanwhile_does_not_hold_the_lock_on(tmp_path: Path, forked, lock):
    with lock(tmp_path):
        forked()
        assert not is_free(tmp_path / LOCK_FILE)
    assert is_free(tmp_path / LOCK_FILE) and is_free(tmp_path)


# -- leases -------------------------------------------------------------------------------------


def record_of(path: Path) -> dict[str, str]:
    return {"worker": path.stem, "machine": leases.this_machine(), "path": str(path)}


def test_a_lease_ends_with_its_process_although_a_child_of_it_lives(tmp_path: Path):
    """A data loader's pool, or os.fork in the user's code."""
    read, write = os.pipe()
    worker = os.fork()
    if worker == 0:
        lease = Lease(tmp_path)
        if child := os.fork():
            os.write(write, str(child).encode())
        time.sleep(60)
        lease.release()
    child = int(os.read(read, 20))
    (path,) = tmp_path.glob("*.lease")
    try:
        assert Observer().is_alive(record_of(path), 0, 1)
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        assert not Observer().is_alive(record_of(path), 0, 1)
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(read)
        os.close(write)


def test_a_forked_child_cannot_end_the_lease_of_its_parent(tmp_path: Path):
    lease = Lease(tmp_path)
    child = os.fork()
    if child == 0:
        lease.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert Observer().is_alive(lease.record, 0, 1) and lease.path.is_file()
    lease.release()
    assert not list(tmp_path.iterdir())


def test_a_stopped_worker_lives_and_a_killed_one_is_dead_at_once(tmp_path: Path):
    kept = []
    child = Child(lambda: kept.append(Lease(tmp_path)))
    child.wait()
    (path,) = tmp_path.glob("*.lease")
    os.kill(child.pid, signal.SIGSTOP)
    assert Observer().is_alive(record_of(path), 0, None)
    remove_dead(tmp_path)
    child.kill()
    assert not Observer().is_alive(record_of(path), 0, None)
    remove_dead(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    return now


def test_an_error_leaves_the_lease_for_others_to_see_that_it_is_over(tmp_path: Path):
    with pytest.raises(KeyError), Lease(tmp_path) as lease:
        raise KeyError
    assert lease.path.is_file() and not Observer().is_alive(lease.record, 0, 1)
    with Lease(tmp_path) as lease:
        assert list(others_at_work(tmp_path, lease)) == []
    assert not lease.path.exists()


ELSEWHERE = {
    "name": ("socket.gethostname", ""),
    "machine-id": ("_read", "machine-id"),
    "boot": ("_read", "boot_id"),
    "files": ("_file_view", ""),
}
"""What differs on another machine: a function of the module, for a path with this part."""


@pytest.mark.parametrize("doubt", [*ELSEWHERE, "deleted", "no flock"])
def test_in_doubt_the_heartbeat_decides(
    tmp_path: Path, clock: list[float], doubt: str, monkeypatch: pytest.MonkeyPatch
):
    """Cloned machines and containers have one name; another boot is not always a reboot."""
    if doubt in ELSEWHERE:
        name, part = ELSEWHERE[doubt]
        read = leases._read
        other = lambda path="": "other" if part in path else read(path)  # noqa: E731
        monkeypatch.setattr(f"{leases.__name__}.{name}", other)
    observer = Observer()
    monkeypatch.undo()
    monkeypatch.setattr(leases.time, "monotonic", lambda: clock[0])
    lease = Lease(tmp_path)
    if doubt == "deleted":
        lease.path.unlink()
    elif doubt == "no flock":
        lease.record["path"] = ""
    else:
        lease.release(keep=True)  # nobody holds it as far as can be seen from here
    for _ in range(5):
        assert observer.is_alive(lease.record, 0, 1)
        clock[0] += 29
    assert observer.is_alive(lease.record, 0, 2)
    clock[0] += 119
    assert observer.is_alive(lease.record, 0, 2)
    clock[0] += 2
    assert not observer.is_alive(lease.record, 0, 2)
    lease.release()


# -- what a file system or another user refuses ---------------------------------------------------


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_without_flock_the_way_on_is_named_and_a_lease_goes_by_heartbeat(
    tmp_path: Path, no_flock: None, clock: list[float]
):
    with pytest.raises(NoFlock, match=r"hydra\.sweeper\.storage=postgresql"):
        study_lock(str(tmp_path / "j"), tmp_path).__enter__()
    handle = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(NoFlock):
        acquire(handle, "it")
    os.close(handle)
    lease = Lease(tmp_path / "workers")
    observer = Observer()
    assert observer.is_alive(lease.record, 0, 1)
    clock[0] += 121
    assert not observer.is_alive(lease.record, 0, 1)
    lease.release()
    assert list((tmp_path / "workers").iterdir()) == []


@pytest.fixture
def somebody_elses(tmp_path: Path) -> Iterator[Path]:
    """A study's folder in which we may not write; root may everywhere, so it becomes another."""
    folder = tmp_path / "s"
    (folder / "workers").mkdir(parents=True)
    (folder / LOCK_FILE).touch(0o644)
    for path in (folder / LOCK_FILE, folder / "workers", folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == Path.home().owner() and path.stat().st_mode & 0o777 == 0o700:
            path.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    for path in (folder, folder / "workers"):
        path.chmod(0o755)


def test_what_belongs_to_another_user_is_one_clear_error(somebody_elses: Path):
    folder = somebody_elses
    for use in (
        lambda: study_lock("j", folder).__enter__(),
        lambda: study_lock("j", folder / "new").__enter__(),
        lambda: Lease(folder / "workers"),
    ):
        with pytest.raises(StorageError, match=r"Permission denied.*g\+w"):
            use()


def test_a_folder_whose_name_is_no_text_is_refused(tmp_path: Path):
    with pytest.raises(StorageError, match="UTF-8"):
        study_lock("j", tmp_path / os.fsdecode(b"\xff") / "s").__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_released_lock_closes_even_if_it_cannot_be_freed(tmp_path: Path, monkeypatch):
    handle = os.open(tmp_path, os.O_RDONLY)
    acquire(handle, "it")
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "x")))
    with pytest.raises(OSError, match="x"):
        release(handle)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
