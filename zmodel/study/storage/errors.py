"""Errors of a storage as one message with a suggested fix."""

from __future__ import annotations

import errno
from pathlib import Path

NO_FLOCK = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EINVAL)
"""What a file system without flock answers."""
FULL = (errno.ENOSPC, errno.EDQUOT)
ELSEWHERE = "choose another folder: paths.log_dir=FOLDER"


class StorageError(ValueError):
    """The storage cannot be read, written or locked; the message says why and what to do."""


class NoFlock(StorageError):
    """The file system of a file has no flock."""


def full_disk(error: BaseException | None) -> OSError | None:
    """What says that a disk is full: the error, or one that it came from or was met on the way to.

    torch, for one, raises another error while it closes its file.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error
        error = error.__cause__ or error.__context__
    return None


def refused(path: Path | str, error: OSError) -> StorageError:
    """What to raise when the system refuses to open or make the file or folder `path`."""
    return StorageError(
        f"{path} must be there for us to read and write, but the system answers: "
        f"{error.strerror}; {_remedy(Path(path), error)}"
    )


def no_flock(path: Path | str, error: OSError) -> NoFlock:
    return NoFlock(
        f"the file system of {path} must support flock, but it answers: {error.strerror}; keep the "
        "logs on a local disk (paths.log_dir=FOLDER), or the study in a database that all machines "
        "reach: hydra.sweeper.storage=postgresql://..."
    )


def _remedy(path: Path, error: OSError) -> str:
    if error.errno in FULL:
        return f"free some space, or {ELSEWHERE}"
    owner = _owner(path) if error.errno in (errno.EACCES, errno.EPERM) else None
    if owner is None:
        return ELSEWHERE
    return f"it belongs to {owner}: ask for permission to write (chmod -R g+w), or {ELSEWHERE}"


def _owner(path: Path) -> str | None:
    """Who owns the file, or the nearest folder above it that exists."""
    for found in (path, *path.parents):
        try:
            return found.owner()
        except FileNotFoundError:
            continue
        except (OSError, KeyError):
            return None
    return None
