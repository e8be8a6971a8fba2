"""Opens .npz, .npy, .csv, .tsv and .parquet files, and says what is wrong with one."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zmodel.core.arguments import known


def open_file(path: Path) -> Any:
    """A dict of arrays (.npz), an array (.npy) or a pandas data frame; nothing is unpickled.

    Raises ValueError that names the file when it is missing, truncated or of another kind.
    """
    known(f"the format of {path}", path.suffix.lower(), READERS)
    if not path.is_file():
        raise ValueError(
            f"the data file must exist, received {path} (working directory {Path.cwd()}); mend "
            "the path, or give an absolute one."
        )
    try:
        return READERS[path.suffix.lower()](path)
    except ImportError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"reading {path} needs a package for parquet files ({reason}); pip install pyarrow, "
            "or save the table as .csv or .npz."
        ) from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        # the errors of pandas and pyarrow about content are ValueErrors
        raise ValueError(
            f"{path} must be a whole {path.suffix} file of numbers and strings, received "
            f"{path.stat().st_size:,} bytes that cannot be read ({error}); write or copy it again."
        ) from error


def _numpy(path: Path) -> Any:
    with open(path, "rb") as file:
        loaded = np.load(file, allow_pickle=False)
        return loaded if isinstance(loaded, np.ndarray) else dict(loaded)


def _separated(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")


def _parquet(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


READERS: dict[str, Callable[[Path], Any]] = {
    ".npz": _numpy,
    ".npy": _numpy,
    ".csv": _separated,
    ".tsv": _separated,
    ".parquet": _parquet,
}
