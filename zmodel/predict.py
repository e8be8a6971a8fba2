"""Predicts with a deployed model: classes and probabilities, or values.

Arrays need torch and NumPy only.

    python -m zmodel.predict logs/studies/zlayers/final/model signals.npz
    python -m zmodel.predict MODEL_DIR signals.npz --array x_new --out predicted.npz
    python -m zmodel.predict MODEL_DIR table.csv --out predicted.csv

Samples are given as the data set gives them, before normalisation, which is part of the model. A
model of a table takes such a table, words and missing cells included (needs pandas, scikit-learn).

Shapes: N samples, C classes, T targets.
"""

from __future__ import annotations

import argparse
import csv
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zmodel.deployed.model import Model, load
from zmodel.deployed.samples import read_array

TABLES = (".csv", ".tsv", ".parquet")

__all__ = ["Model", "load", "main"]


def write(out: Path | None, model: Model, found: NDArray[Any]) -> None:
    """Write a CSV line per sample, or the same as .npz.

    Its class and the probability of every class, or the value of every target. Predictions of
    another form are a ValueError in CSV."""
    names = np.array(model.outputs, dtype=np.str_)
    kept: dict[str, Any] = {"predicted": found, "targets": names}
    if not model.measured:
        best = found.argmax(axis=1)
        kept = {"predicted": names[best], "indices": best, "probabilities": found, "classes": names}
    if out is not None and out.suffix == ".npz":
        np.savez_compressed(out, **kept)
        return
    if found.ndim != 2:
        raise ValueError(f"Predictions of the shape {found.shape} need --out NAME.npz, got CSV.")
    target = nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="")
    with target as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if model.measured:
            writer.writerow(model.outputs or range(found.shape[1]))
            writer.writerows([f"{value:.7g}" for value in row] for row in found)
            return
        writer.writerow(["class", *model.outputs])
        for k, row in zip(found.argmax(axis=1), found, strict=True):
            writer.writerow([model.outputs[k], *(f"{p:.6f}" for p in row)])


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 with a message about what to mend."""
    parser = argparse.ArgumentParser(prog="python -m zmodel.predict", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", type=Path, help="folder with config.json and weights.pt")
    parser.add_argument("file", type=Path, help=".npz (or .npy) with the samples, or a table")
    parser.add_argument("--array", help="its array; default: x, or the only one")
    parser.add_argument("--out", type=Path, help=".npz or .csv; default: CSV to the terminal")
    options: Any = parser.parse_args(arguments)
    try:
        model = load(options.model)
        if options.file.suffix.lower() in TABLES:
            found = model.predict_table(options.file)
        else:
            found = model.predict(read_array(options.file, options.array))
        write(options.out, model, found)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
