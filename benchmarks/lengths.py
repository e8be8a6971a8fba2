"""What a cool-down saves against runs of a fixed length.

    python benchmarks/lengths.py                    an hour; the same command continues
    python benchmarks/lengths.py --settings tanh --seeds 0

In every setting networks of one to five z-layers are trained with the same configuration: by
`callbacks=cool_down`, which ends each when its own curve is flat, and by a one-cycle schedule of
half of the longest length, of all of it, and of as many epochs as the runs with a cool-down took on
average. The figure is the test accuracy at the best validation epoch. The learning rates were set
beforehand. `sigmoid_warmup` was added after `sigmoid` had failed; nothing else was tuned.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from curve_tables.data import signals
from curve_tables.settings import DEPTHS
from hydra import compose, initialize_config_dir
from studies_table import interval

from zmodel.run import run

ROOT = Path(__file__).parent.parent
SEEDS = (0, 1, 2)
COLUMNS = ("one-cycle of half the length", "one-cycle of equal epochs", "one-cycle of full length")
SHIPPED = ("model=znet_cooldown",)
PLAIN = ("model=znet", "model.width=48")
ONE_CYCLE = (
    "{_target_: torch.optim.lr_scheduler.OneCycleLR, _partial_: true, "
    "max_lr: '${model.optimizer.lr}'}"
)
SIGMOID = (*PLAIN, "model.activation=sigmoid", "model.optimizer.lr=0.02")
PATIENT = ("callbacks.early_stopping.patience=15", "callbacks.early_stopping.cooldown=0.5")


@dataclass(frozen=True)
class Setting:
    """Data and network.

    Args:
        longest: the most epochs of a run.
        cooled: of the runs with a cool-down alone.
    """

    overrides: tuple[str, ...]
    longest: int = 80
    cooled: tuple[str, ...] = ()


SETTINGS = {
    "shipped": Setting(SHIPPED),
    "digits": Setting((*SHIPPED, "data=digits")),
    "signals": Setting((*SHIPPED, "data=arrays", "data.path={folder}/signals.npz")),
    "relu": Setting((*PLAIN, "model.optimizer.lr=0.003")),
    "tanh": Setting((*PLAIN, "model.activation=tanh", "model.optimizer.lr=0.01")),
    "sigmoid": Setting(SIGMOID, 120, PATIENT),
    # one-cycle begins with small steps; this is the same for the cool-down
    "sigmoid_warmup": Setting(SIGMOID, 120, (*PATIENT, "schedule=warmup")),
}


@dataclass(frozen=True)
class Length:
    """Epochs of a run and the test accuracy of its best one."""

    epochs: int
    test: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--settings", type=lambda text: text.split(","), default=list(SETTINGS))
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in t.split(",")], default=SEEDS)
    parser.add_argument("--folder", type=Path, default=ROOT / "logs" / "lengths")
    options = parser.parse_args()
    folder, seeds = options.folder.absolute(), options.seeds
    rows = []
    for name in options.settings:
        cooled = trained(name, "cool-down", None, seeds, folder)
        equal = round(fmean(one.epochs for one in cooled))
        longest = SETTINGS[name].longest
        lengths = (longest // 2, equal, longest)  # two of them may be the same
        cycles = [(n, trained(name, "one-cycle", n, seeds, folder)) for n in lengths]
        rows.append(line(name, cooled, cycles))
    head = ("setting", "cool-down: epochs (by depth)", "test", *COLUMNS)
    print(*(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)), sep="\n")
    return 0


def line(
    name: str,
    cooled: Sequence[Length],
    cycles: Sequence[tuple[int, list[Length]]],
) -> tuple[str, ...]:
    """A row of the table: what the cool-down is ahead of each length, in 1e-4, in pairs."""
    by_depth = [fmean(one.epochs for one in cooled[i :: len(DEPTHS)]) for i in range(len(DEPTHS))]
    mean = fmean(one.epochs for one in cooled)
    cells = []
    for length, runs in cycles:
        ahead, half = interval([a.test - b.test for a, b in zip(cooled, runs, strict=True)])
        cells.append(f"{length} epochs: {1e4 * ahead:+.0f} ± {1e4 * half:.0f}")
    return (
        name,
        f"{mean:.0f} ({', '.join(f'{n:.0f}' for n in by_depth)})",
        f"{fmean(one.test for one in cooled):.4f}",
        *cells,
    )


def trained(
    name: str, schedule: str, epochs: int | None, seeds: Iterable[int], folder: Path
) -> list[Length]:
    """Of every seed the networks of all depths, trained unless they were before."""
    samples = folder / "signals.npz"
    if name == "signals" and not samples.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(samples, **signals(folder))
    setting, made = SETTINGS[name], []
    if epochs is None:
        length = ("callbacks=cool_down", f"trainer.max_epochs={setting.longest}", *setting.cooled)
    else:
        never = "callbacks.early_stopping.patience=1000"
        length = (f"trainer.max_epochs={epochs}", never, f"model.scheduler={ONE_CYCLE}")
    given = tuple(override.format(folder=folder) for override in setting.overrides)
    for seed in seeds:
        for depth in DEPTHS:
            out = folder / name / f"{schedule}-{epochs or 'own'}" / f"{depth}-{seed}"
            made.append(one(out, *given, *length, f"model.z_layers={depth}", f"seed={seed}"))
    return made


def one(out: Path, *overrides: str) -> Length:
    """One run, or what it left."""
    result = result_of(out, *overrides)
    test = result["metrics"]["test/acc"]
    assert not math.isnan(test)
    return Length(result["epochs"], test)


def result_of(out: Path, *overrides: str) -> dict[str, Any]:
    """What a run in this folder states, which is trained unless it was before."""
    path = out / "result.json"
    if not path.is_file():
        own = [
            f"paths.root_dir={ROOT}",
            f"paths.output_dir={out}",
            "extras.threads=1",
            "logger=csv",
            "trainer.enable_progress_bar=false",
        ]
        with initialize_config_dir(str(ROOT / "conf")):
            run(compose("train", [*own, *overrides]))
        print(out.relative_to(out.parents[2]), file=sys.stderr, flush=True)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


if __name__ == "__main__":
    sys.exit(main())
