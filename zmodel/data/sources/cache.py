"""Arrays that are costly to make, kept in one .npz file."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".partial")
    except OSError as error:
        raise ValueError(
            f"the data folder must be writable, received {path.parent} ({error.strerror}); set "
            "paths.data_dir to a folder that is."
        ) from error
    try:
        with os.fdopen(handle, "wb") as partial_file:
            np.savez(partial_file, allow_pickle=False, **made)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
    return made
