"""Opens tables and arrays with clear errors.

.npz, .npy, .csv, .tsv and .parquet.
"""

from __future__ import annotations

import csv
import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zmodel.core.arguments import known

if TYPE_CHECKING:
    import pandas as pd

SEPARATED = (".csv", ".tsv")


def open_file(path: Path, text: Sequence[str] = ()) -> Any:
    """A dict of arrays (.npz), an array (.npy) or a pandas data frame; nothing is unpickled.

    `text` are columns whose cells are kept as they are written: in .csv and .tsv files a class
    may be called NA or 007. Raises ValueError that names the file when it is missing, truncated
    or of another kind.
    """
    known(f"the format of {path}", path.suffix.lower(), READERS)
    if not path.is_file():
        raise ValueError(
            f"the data file must exist, received {path} (working directory {Path.cwd()}); correct "
            "the path, or give an absolute one."
        )
    try:
        return READERS[path.suffix.lower()](path, text)
    except ImportError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"reading {path} needs a package for parquet files ({reason}); pip install pyarrow, "
            "or save the table as .csv or .npz."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be text in UTF-8, received byte {error.object[error.start]:#x} at "
            f"{error.start}; save it as UTF-8, in a spreadsheet program as 'CSV UTF-8'."
        ) from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        # the errors of pandas and pyarrow about content are ValueErrors
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} must be a whole {path.suffix} file of numbers and strings, received "
            f"{path.stat().st_size:,} bytes that cannot be read ({reason}); write or copy it again."
        ) from error


def _numpy(path: Path, text: Sequence[str]) -> Any:
    with open(path, "rb") as file:
        try:
            loaded = np.load(file, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else dict(loaded)
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise ValueError(
                "Python objects are not read: save texts with .astype(str), and series of unequal "
                "length as one array with NaN after the end of each"
            ) from error


def _separated(path: Path, text: Sequence[str]) -> Any:
    """A frame without missing values: what is no number stays the text that it is."""
    import pandas as pd

    separator, fields = _first_lines(path)
    names = fields[0] if fields else []
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise ValueError(
            f"the first line must name every column once, found {twice[0]!r} again; is there a "
            "line of names?"
        )
    frame = pd.read_csv(
        path,
        sep=separator,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        skipinitialspace=True,
        low_memory=False,
    )
    if len(fields) > 1 and len(fields[1]) > len(names) and not _are_row_names(frame.index):
        raise ValueError(
            f"every line must have as many fields as the first, {len(names)}, found "
            f"{len(fields[1])}; write numbers with a decimal point, and text that holds the "
            "separator in quotes"
        )
    for name in text:
        if name in frame:
            frame[name] = frame[name].str.strip()
    return frame


def _first_lines(path: Path) -> tuple[str, list[list[str]]]:
    """The separator, the most frequent of the usual ones in the line of names, and the fields of
    two lines."""
    with open(path, encoding="utf-8-sig") as file:
        lines = list(itertools.islice((line for line in file if line.strip()), 2))
    outside = re.sub(r'"[^"]*"', "", lines[0]) if lines else ""
    separator = "\t" if path.suffix.lower() == ".tsv" else max(",;\t|", key=outside.count)
    return separator, list(csv.reader(lines, delimiter=separator, skipinitialspace=True))


def _are_row_names(index: pd.Index) -> bool:
    """Whether the one field that the first line lacks is a name per row, as R writes them."""
    if index.nlevels > 1 or index.dtype.kind == "f":
        return False
    counts = np.array_equal(index, 1 + np.arange(len(index)))
    return counts if index.dtype.kind in "iu" else index.is_unique


def _parquet(path: Path, text: Sequence[str]) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


READERS: dict[str, Callable[[Path, Sequence[str]], Any]] = {
    ".npz": _numpy,
    ".npy": _numpy,
    ".csv": _separated,
    ".tsv": _separated,
    ".parquet": _parquet,
}
