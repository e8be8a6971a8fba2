"""What should TPE learn from trials that are paused? Replays of `depth_halving` on tables.

    python benchmarks/told.py --folder logs/tables

The ways are those of ``curve_tables.simulation.Tpe``; the sweeper has "values". Random sampling
stands beside them. Printed are differences in test accuracy to learning from completed trials
only, paired, in 1e-4, with half of a 90 % interval over bootstrapped tables.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from curve_tables.replay import Result, difference, replay
from curve_tables.rules import OURS
from curve_tables.settings import SETTINGS
from curve_tables.simulation import Sampler, Told, Tpe, at_random, features
from curve_tables.table import Table

RULE = "depth_halving"
WAYS: tuple[Told, ...] = ("complete", "values", "steps", "depths")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the tables")
    parser.add_argument("--settings", type=lambda t: t.split(","), default=list(SETTINGS))
    parser.add_argument(
        "--budgets", type=lambda t: [int(b) for b in t.split(",")], default=[20, 40]
    )
    parser.add_argument("--tables", type=int, default=50, help="bootstrapped, of each table")
    parser.add_argument("--studies", type=int, default=2, help="of a bootstrapped table")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| setting | budget | completed only | " + " | ".join((*WAYS[1:], "random")) + " |")
    print("|---" * (len(WAYS) + 3) + "|")
    for name in options.settings:
        table = Table(options.folder / f"{name}.npz")
        for budget in options.budgets:
            found = of_samplers(table, budget, options)
            base = found["complete"]
            cells = [f"{base.test.mean():.4f}"]
            for way in (*WAYS[1:], "random"):
                mean, half = (1e4 * x for x in difference(found[way], base))
                cells.append(f"{mean:+.0f} ± {half:.0f}")
            print(f"| {name} | {budget} | " + " | ".join(cells) + " |", flush=True)
    return 0


def of_samplers(table: Table, budget: int, options: argparse.Namespace) -> dict[str, Result]:
    places = features(table)
    samplers: dict[str, Sampler] = {way: Tpe(places, way) for way in WAYS}
    samplers["random"] = at_random
    rule = {RULE: OURS[RULE]}
    repeat = {"tables": options.tables, "studies": options.studies, "seed": options.seed}
    return {
        name: replay(table, rule, budget, sampler=sampler, **repeat)[RULE]
        for name, sampler in samplers.items()
    }


if __name__ == "__main__":
    sys.exit(main())
