"""Runs the seeded faults on studies of both kinds, and prints the table of the docs."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna

from calibration.bounds_faults import BOUNDS_FAULTS
from calibration.fault import says
from calibration.search_faults import SEARCH_FAULTS
from calibration.tabled import tables
from calibration.training_faults import TRAINING_FAULTS
from calibration.worlds import World, simulated

FAULTS = BOUNDS_FAULTS + SEARCH_FAULTS + TRAINING_FAULTS
KINDS = ("simulated", "tables")


class Task(NamedTuple):
    """One seed: all studies of it come from one process, which draws the usual one once."""

    kind: str
    seed: int
    folders: tuple[Path, ...]
    names: tuple[str, ...]
    ax: str


@cache
def worlds(kind: str, steady: bool, folders: tuple[Path, ...]) -> list[World]:
    return simulated(steady) if kind == "simulated" else tables(list(folders))


def judged(task: Task) -> list[dict[str, Any]]:
    """Of each fault, with and without it: what was said, unless the study is neither for sure."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = []
    for fault in FAULTS:
        if task.names and fault.name not in task.names:
            continue
        among = worlds(task.kind, fault.steady, task.folders)
        world = among[task.seed % len(among)]
        for truth in (True, False):
            seeded = fault.make(world, task.seed // len(among), truth)
            if seeded is None or seeded.fault is not truth:
                continue
            row = {"kind": task.kind, "world": world.name, "seed": task.seed, "truth": truth}
            row |= {"fault": fault.name, "rank": says(fault, seeded)}
            if task.ax:
                from calibration.ax_checks import warned

                row["ax"] = warned(seeded.study, task.ax)
            found.append(row)
    return found


def calibrate(tasks: Iterable[Task], processes: int, file: Path) -> None:
    """Adds what was said to a file, a line for each study."""
    with ProcessPoolExecutor(processes) as pool, file.open("a") as lines:
        for found in pool.map(judged, tasks):
            lines.writelines(json.dumps(row) + "\n" for row in found)
            lines.flush()


def show(file: Path) -> None:
    groups: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for row in map(json.loads, file.read_text().splitlines()):
        groups[row["kind"], row["fault"], row["truth"]].append(row)
    print("| fault | verdict | simulated: found | false alarms | real: found | false alarms |")
    print("|---|---|---|---|---|---|")
    for fault in FAULTS:
        rows = [groups[kind, fault.name, truth] for kind in KINDS for truth in (True, False)]
        shares = [_share([row["rank"] >= fault.least for row in found]) for found in rows]
        codes = ", ".join(f"`{rule.CODE}`" for rule in fault.rules)
        print(f"| {fault.name} | {codes} | {' | '.join(shares)} |")
    asked = [row for found in groups.values() for row in found if "ax" in row]
    for name in sorted({name for row in asked for name in row["ax"]}):
        print(f"\n{name} (Ax)")
        for (kind, fault, truth), found in groups.items():
            told = [row["ax"][name] for row in found if row.get("ax", {}).get(name) is not None]
            if told:
                print(f"{kind:<10} {fault:<26} {'with' if truth else 'without':<8} {_share(told)}")


def _share(hits: list[bool]) -> str:
    return f"{np.mean(hits):.1%} of {len(hits)}" if hits else "none"
