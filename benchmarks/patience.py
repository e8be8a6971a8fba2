"""How long must early stopping wait? Its constants on sets of 40 to 100,000 samples.

    python benchmarks/patience.py                   hours; the same command continues
    python benchmarks/patience.py --sets digits_40,digits_100 --seeds 0,1,2,3

The recipe of the shipped studies with one constant of `callbacks.early_stopping` changed at a time:
patience in epochs, patience in optimizer steps, the share of the cool-down. `digits_40` are 40 of
the 1,797 digits for training and validation; the others judge. `signals` are made here and so can
have any size; 5,000 further samples judge. `mnist1d` is judged by its validation samples, at the
best epoch: no test set chooses a constant.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from curve_tables.data import signals
from lengths import SHIPPED, result_of
from studies_table import interval

ROOT = Path(__file__).parent.parent
KEY = "callbacks.early_stopping"
SETS = (
    "digits_40", "digits_100", "digits_400", "digits_1400", "mnist1d", "signals_4000",
    "signals_20000", "signals_100000",
)  # fmt: skip
JUDGES = 5000
"""Samples of `signals` that judge."""
CHOICES: dict[str, tuple[str, ...]] = {
    "as shipped": (),
    "patience 4": (f"{KEY}.patience=4",),
    "16": (f"{KEY}.patience=16",),
    "steps 0": (f"{KEY}.patience_steps=0",),
    "50": (f"{KEY}.patience_steps=50",),
    "100": (f"{KEY}.patience_steps=100",),
    "400": (f"{KEY}.patience_steps=400",),
    "cool-down 0": (f"{KEY}.cooldown=0",),
    "a half": (f"{KEY}.cooldown=0.5",),
}
NARROW = {"signals_100000": ("model.width=16",)}
"""A whole run of the shipped width takes ten minutes there."""
FEW = tuple(name for name in SETS if name.startswith("digits"))
"""Larger sets have so many steps in an epoch that those of the patience decide nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in t.split(",")], default=[0, 1, 2])
    parser.add_argument("--depths", type=lambda t: [int(d) for d in t.split(",")], default=[1, 3])
    parser.add_argument("--folder", type=Path, default=ROOT / "logs" / "patience")
    options = parser.parse_args()
    print(f"| set | {' | '.join(CHOICES)} |", "|---" * (len(CHOICES) + 1) + "|", sep="\n")
    for name in options.sets:
        runs = [(depth, seed) for seed in options.seeds for depth in options.depths]
        print(row(name, runs, options.folder.absolute()), flush=True)
    return 0


def row(data: str, runs: list[tuple[int, int]], folder: Path) -> str:
    """Epochs and accuracy as shipped; of each other choice the same, and what it is ahead by."""
    cells, shipped = [], []
    for name, changes in CHOICES.items():
        if data not in FEW and changes and "steps" in changes[0]:
            cells.append("")
            continue
        made = [trained(data, name, changes, depth, seed, folder) for depth, seed in runs]
        epochs, reached = fmean(e for e, _ in made), [value for _, value in made]
        if name == "as shipped":
            shipped = reached
            cells.append(f"{epochs:.0f}: {fmean(reached):.4f}")
        else:
            ahead, half = interval([a - b for a, b in zip(reached, shipped, strict=True)])
            spread = "" if half is None else f" ± {1e4 * half:.0f}"
            cells.append(f"{epochs:.0f}: {1e4 * ahead:+.0f}{spread}")
    return f"| {data} | {' | '.join(cells)} |"


def trained(
    data: str, name: str, changes: tuple[str, ...], depth: int, seed: int, folder: Path
) -> tuple[int, float]:
    """Epochs of one run, and what it is worth."""
    out = folder / data / name.replace(" ", "_") / f"{depth}-{seed}"
    given = [*SHIPPED, "callbacks=cool_down", *NARROW.get(data, ()), *changes]
    given += ["trainer.max_epochs=80", f"model.z_layers={depth}", f"seed={seed}"]
    kind, _, size = data.partition("_")
    if not size:
        found = result_of(out, *given, f"data={kind}", "test=false")
        return found["epochs"], found["metrics"]["val/acc_best"]
    path = folder / f"{data}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = digits(int(size)) if kind == "digits" else signals(path, int(size), JUDGES)
        np.savez(path, **made)
    found = result_of(out, *given, "data=arrays", f"data.path={path}")
    return found["epochs"], found["metrics"]["test/acc"]


def digits(n: int) -> dict[str, Any]:
    """`n` of the digits for training and validation, as many of every class; the others as test."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(7).permutation(len(found.target))
    drawn = found.target[order]
    rank = [np.count_nonzero(drawn[:i] == label) for i, label in enumerate(drawn)]
    order = order[np.argsort(rank, kind="stable")]
    x, y = found.images[order, None].astype(np.float32) / 16, found.target[order]
    return {"x_train": x[:n], "y_train": y[:n], "x_test": x[n:], "y_test": y[n:]}


if __name__ == "__main__":
    sys.exit(main())
