"""The data of the tables, split and normalised as zmodel does it, one file per set.

mnist1d, digits     zmodel's own
signals             made here: which of three motifs comes first and which second
pendigits, letter   UCI, with their official splits

The files of archive.ics.uci.edu lie in the folder of --source.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from curve_tables.recipe import Data

Split = dict[str, NDArray[np.generic]]
SIGNAL_LENGTH, MOTIF_LENGTH = 64, 15


def make(name: str, source: Path, target: Path) -> None:
    """Write data set `name` to `target`."""
    from zmodel.data import MNIST1D, ArrayFile, Digits, InMemoryData

    built_in: dict[str, type[InMemoryData]] = {"mnist1d": MNIST1D, "digits": Digits}
    with TemporaryDirectory() as folder:
        if name in built_in:
            data: InMemoryData = built_in[name](data_dir=folder)
        else:
            path = Path(folder) / f"{name}.npz"
            np.savez(path, **MADE[name](source))
            data = ArrayFile(path, duplicates="ignore", map_labels=True, data_dir=folder)
        data.setup("fit")
        data.setup("test")
        kept = {}
        for part in ("train", "val", "test"):
            x, y = data.samples_of(part)
            kept[f"x_{part}"] = x.numpy() if x.dim() == 2 else np.moveaxis(x.numpy(), 1, -1)
            kept[f"y_{part}"] = y.numpy()
        np.savez_compressed(target, classes=data.num_classes, **kept)


def load(path: Path) -> Data:
    with np.load(path) as file:
        parts = ("train", "val", "test")
        x = {part: torch.from_numpy(np.ascontiguousarray(file[f"x_{part}"])) for part in parts}
        y = {part: torch.from_numpy(file[f"y_{part}"]) for part in parts}
        return Data(x, y, int(file["classes"]))


def signals(source: Path, n: int = 4000, n_test: int = 1000, noise: float = 0.7) -> Split:
    """Two of three motifs at random places, without overlap; the class is which comes first."""
    rng = np.random.default_rng(7)
    t = np.linspace(0, 1, MOTIF_LENGTH)
    window = np.sin(np.pi * t)
    rising, falling = 2 * np.pi * (1 + 2 * t) * t, 2 * np.pi * (3 - 2 * t) * t
    motifs = np.stack([np.sin(rising), np.sin(falling), np.sign(t - 0.5)]) * window * 2
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    x = rng.normal(0, noise, (n + n_test, 1, SIGNAL_LENGTH))
    y = rng.integers(len(pairs), size=n + n_test)
    for i, label in enumerate(y):
        free = SIGNAL_LENGTH - 2 * MOTIF_LENGTH
        first, second = np.sort(rng.integers(free + 1, size=2))
        for start, motif in zip((first, second + MOTIF_LENGTH), pairs[label], strict=True):
            x[i, 0, start : start + MOTIF_LENGTH] += rng.uniform(0.7, 1.3) * motifs[motif]
    return _split(x.astype(np.float32), y, n)


def pendigits(source: Path) -> Split:
    """Eight points (x, y) of the stroke of a digit; other people write the test digits."""
    rows = [_table(source / f"pendigits.{end}") for end in ("tra", "tes")]
    x = np.concatenate(rows)[:, :16].reshape(-1, 8, 2).transpose(0, 2, 1)
    return _split(x.astype(np.float32), np.concatenate(rows)[:, 16].astype(int), len(rows[0]))


def letter(source: Path) -> Split:
    """16 measurements of a printed letter; the last 4,000 are the test."""
    lines = (source / "letter-recognition.data").read_text().split()
    rows = [line.split(",") for line in lines if line[1] == ","]
    x = np.array([row[1:] for row in rows], np.float32)
    return _split(x, np.array([ord(row[0]) - ord("A") for row in rows]), 16_000)


def _table(path: Path) -> NDArray[np.float64]:
    """Numbers with commas; a line of names before them is skipped."""
    lines = path.read_text().splitlines()
    return np.loadtxt([line for line in lines if line and "c" not in line], delimiter=",")


def _split(x: NDArray[np.float32], y: NDArray[np.int64], n: int) -> Split:
    return {"x_train": x[:n], "y_train": y[:n], "x_test": x[n:], "y_test": y[n:]}


MADE: dict[str, Callable[[Path], Split]] = {
    "signals": signals,
    "pendigits": pendigits,
    "letter": letter,
}
