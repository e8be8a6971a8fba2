"""Locks of files and folders that die with their process.

The kernel frees a flock by itself.

It does so when the last descriptor is closed, also after kill -9. A forked child inherits every
descriptor and would hold the lock on: in children they are replaced by harmless ones.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from zmodel.study.storage.errors import NO_FLOCK, StorageError, no_flock, refused

log = logging.getLogger(__name__)

WARN_AFTER = 10.0  # seconds
LOCK_FILE = "study.lock"

_HELD: set[int] = set()


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made when missing.

    Two locks in one: the file study.lock in it, which other machines see too, and the folder
    itself, which still excludes others when somebody deletes the file.
    """
    with ExitStack() as stack:
        while True:
            file = _hold(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT)
            stack.callback(release, file)
            with suppress(StorageError):  # not every file system locks folders
                stack.callback(release, _hold(folder, os.O_RDONLY))
            if is_at(file, folder / LOCK_FILE):
                break
            stack.close()  # deleted while we waited for the folder
        yield


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive flock on `path`, which is made when missing and left behind."""
    handle = _hold(path, os.O_RDWR | os.O_CREAT)
    try:
        yield
    finally:
        release(handle)


def make_folder(folder: Path) -> None:
    """Make it when missing; StorageError when it cannot be, or has a name that is no text."""
    try:
        str(folder).encode()
        folder.mkdir(parents=True, exist_ok=True)
    except UnicodeEncodeError:
        raise StorageError(
            f"a folder of logs must have a name in UTF-8, received {os.fsencode(folder)!r}; choose "
            "another one: paths.log_dir=FOLDER"
        ) from None
    except OSError as error:
        raise refused(folder, error) from error


def _hold(path: Path, flags: int) -> int:
    """A descriptor with the lock of the file that is at `path` by then."""
    while True:
        if flags & os.O_CREAT:
            make_folder(path.parent)
        try:
            handle = os.open(path, flags | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise refused(path, error) from error
        try:
            acquire(handle, str(path))
        except BaseException:
            os.close(handle)
            raise
        if is_at(handle, path):
            return handle
        release(handle)


def is_at(handle: int, path: Path | str) -> bool:
    """Whether the open file is still the one at `path`: it may have been deleted or replaced."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def acquire(handle: int, name: str) -> None:
    """Block until `handle` holds the exclusive flock of its file; then it must be released.

    NoFlock when its file system has none.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with warning_when_slow(f"the lock of {name}"):
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno in NO_FLOCK:
            raise no_flock(name, error) from error
        raise
    _HELD.add(handle)


def release(handle: int) -> None:
    """Free the lock, also for a child that has just been forked, and close."""
    _HELD.discard(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def _forget_locks() -> None:
    if _HELD:
        nothing = os.open(os.devnull, os.O_RDWR)
        for handle in _HELD:
            os.dup2(nothing, handle, inheritable=False)
        os.close(nothing)
        _HELD.clear()


os.register_at_fork(after_in_child=_forget_locks)


@contextmanager
def warning_when_slow(what: str) -> Iterator[None]:
    """Say every ten seconds that we still wait."""
    done = threading.Event()

    def warn() -> None:
        waited = WARN_AFTER
        while not done.wait(WARN_AFTER):
            log.warning("waiting for %s for %.0f s: its holder may be stopped", what, waited)
            waited += WARN_AFTER

    thread = threading.Thread(target=warn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
