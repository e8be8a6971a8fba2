"""Appends lines to a file so that it stays whole.

Whatever comes: a power cut, a full disk, a bad disk.
"""

from __future__ import annotations

import os
from pathlib import Path

from zmodel.core.atomic_file import sync


def make_durably(path: Path) -> None:
    """An empty file that is still there after a power cut; an old one is kept."""
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666))
        sync(path.parent)


def append_or_undo(file: int, data: bytes, size: int) -> None:
    """Append `data` durably, or cut the file back to `size` and raise."""
    written = 0
    try:
        while written < len(data):
            written += os.write(file, data[written:])
        os.fsync(file)
    except BaseException as error:
        # Ctrl-C after a complete write undoes nothing: others may have read the line already.
        if written < len(data) or isinstance(error, OSError):
            os.ftruncate(file, size)
        raise


def last_line_end(file: int, size: int) -> tuple[int, bytes]:
    """Where the last complete line ends, and what follows it."""
    start, tail = size, b""
    while start > 0:
        length = 1 if start == size else min(start, 1 << 16)
        start -= length
        tail = os.pread(file, length, start) + tail
        newline = tail.rfind(b"\n", 0, length)
        if newline >= 0:
            return start + newline + 1, tail[newline + 1 :]
    return 0, tail
