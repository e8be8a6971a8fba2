"""Caches arrays that are expensive to make in one .npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zmodel.core.atomic_file import replacing

Named = dict[str, NDArray]


def cached(path: Path, build: Callable[[], Named]) -> Named:
    """The arrays in `path`, built and written there first if it is missing or unreadable.

    Written aside and renamed: of several processes that start at once each reads a whole file.
    Never unpickles. Raises ValueError when the folder cannot be written.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        made = build()
    try:
        with replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, **made)
    except OSError as error:
        raise ValueError(
            f"the data folder must be writable, received {path.parent} ({error.strerror}); set "
            "paths.data_dir to a folder that is."
        ) from error
    return made
