"""A small file system of its own, to be filled and freed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class SmallDisk:
    """The file system at `path`; filling it leaves no byte to anybody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab") as file:
            free = os.statvfs(self.path)
            size = file.tell() + free.f_bavail * free.f_frsize
            with suppress(OSError):  # somebody took some in the meantime
                os.posix_fallocate(file.fileno(), 0, size)
            with suppress(OSError):
                while True:
                    os.write(file.fileno(), bytes(1 << 16))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk | None]:
    """Mount one at `path` for the duration of the block; None where this is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
