"""Tables of complete learning curves, and stopping rules replayed on them.

python benchmarks/curves.py data --source DIR        once: the data of all settings
python benchmarks/curves.py make --n 600             tables; minutes on a GPU, hours without
python benchmarks/curves.py study --study logs/studies/zlayers    a table of a finished study
python benchmarks/curves.py replay                   every rule: docs/measured/stopping.md
python benchmarks/curves.py replay --settings zlayers             the same on that table
python benchmarks/curves.py parts                    our rule with one constant changed
"""

from __future__ import annotations

import argparse
import csv
import pickle
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curve_tables.replay import Rules
    from curve_tables.report import ByBudget

HERE = Path(__file__).parent
BUDGETS = (10, 20, 40)
"""In trials that run to their own end."""


def main() -> int:
    options = parse()
    COMMANDS[options.what](options)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--folder", type=Path, default=HERE / "tables", help="of data and tables")
    parser.add_argument("--source", type=Path, default=Path(), help="where files of UCI lie")
    parser.add_argument("--study", type=Path, help="folder of a finished study")
    parser.add_argument("--settings", type=lambda t: t.split(","), help="default: all")
    parser.add_argument("--n", type=int, default=600, help="configurations of a table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--tables", type=int, default=50, help="bootstrapped, of each table")
    parser.add_argument("--studies", type=int, default=10, help="of a bootstrapped table")
    parser.add_argument("--workers", type=int, default=1, help="of a replayed study")
    parser.add_argument("--jobs", type=int, default=1, help="processes that replay")
    parser.add_argument("--tpe", action="store_true", help="instead of random sampling")
    parser.add_argument("--csv", type=Path, help="write every cell of a replay to this file")
    parser.add_argument("--picture", type=Path, help="draw our rule beside the usual ones")
    return parser.parse_args()


def data(options: argparse.Namespace) -> None:
    from curve_tables.data import make as make_data
    from curve_tables.settings import SETTINGS

    options.folder.mkdir(parents=True, exist_ok=True)
    for name in sorted({setting.data for setting in SETTINGS.values()}):
        make_data(name, options.source, options.folder / f"data_{name}.npz")
        print(name, flush=True)


def make(options: argparse.Namespace) -> None:
    import torch
    from curve_tables.data import load
    from curve_tables.settings import FOR_VERDICTS, SETTINGS
    from curve_tables.table import save
    from curve_tables.training import train_all

    torch.backends.cuda.matmul.allow_tf32 = True
    found = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(found if options.device == "auto" else options.device)
    for name in options.settings or SETTINGS:
        began = time.monotonic()
        setting = (SETTINGS | FOR_VERDICTS)[name]
        configs = setting.configs(options.n, options.seed)
        dataset = load(options.folder / f"data_{setting.data}.npz").to(device)
        made = train_all(configs, setting.recipe, dataset, options.seed)
        save(options.folder / f"{name}.npz", configs, made)
        print(f"{name}: {len(configs)} runs, {time.monotonic() - began:.0f} s", flush=True)


def study(options: argparse.Namespace) -> None:
    """The table is named as the study."""
    from curve_tables.from_study import save_study

    from zmodel.analysis import load

    if options.study is None:
        raise SystemExit("error: --study must be the folder of a study, as logs/studies/zlayers")
    record = load(options.study)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        count = save_study(record, options.folder / f"{record.name}.npz")
    except ValueError as error:
        raise SystemExit(f"error: {error}") from error
    print(f"{record.name}: {count} trials")


def replay(options: argparse.Namespace) -> None:
    """Of each setting a file of results, which is not made again; then the tables of the page."""
    from curve_tables import report
    from curve_tables.picture import save as save_picture
    from curve_tables.rules import OURS, USUAL, Oracle

    found = _replayed({**USUAL, **OURS, "oracle": Oracle}, "replay", options)
    for part in (report.over_all, report.against_the_best, report.half_the_cost):
        print(part(found, BUDGETS), end="\n\n")
    if options.picture:
        save_picture(found, options.picture)


def parts(options: argparse.Namespace) -> None:
    """The same with the constants of our rule."""
    from curve_tables.parts import RULES, against_shipped

    print(against_shipped(_replayed(RULES, "parts", options), BUDGETS))


def _replayed(rules: Rules, what: str, options: argparse.Namespace) -> dict[str, ByBudget]:
    """Every rule in each setting; every cell is written to the file asked for."""
    from curve_tables import report
    from curve_tables.settings import SETTINGS

    found = {name: _in_setting(name, rules, what, options) for name in options.settings or SETTINGS}
    if options.csv:
        lines = report.rows(found, "tpe" if options.tpe else "random", options.workers)
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([report.COLUMNS, *lines])
    return found


def _in_setting(name: str, rules: Rules, what: str, options: argparse.Namespace) -> ByBudget:
    from curve_tables.replay import Repeats
    from curve_tables.replay import replay as replay_all
    from curve_tables.simulation import AtRandom, Tpe, features, kernel
    from curve_tables.table import Table

    kind = f"{options.workers}{'_tpe' if options.tpe else ''}"
    size = f"{options.tables}x{options.studies}_seed{options.seed}"
    path = options.folder / f"{what}_{kind}_{size}_{name}.pkl"
    source = options.folder / f"{name}.npz"
    if not path.is_file() or path.stat().st_mtime < source.stat().st_mtime:
        began = time.monotonic()
        table = Table(source)
        near = kernel(features(table))
        sampler = partial(Tpe, near) if options.tpe else AtRandom
        repeats = Repeats(options.tables, options.studies, options.workers, sampler,
                          options.seed, options.jobs)  # fmt: skip
        made = {budget: replay_all(table, rules, budget, repeats) for budget in BUDGETS}
        path.write_bytes(pickle.dumps(made))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    found: ByBudget = pickle.loads(path.read_bytes())
    return found


COMMANDS = {"data": data, "make": make, "study": study, "replay": replay, "parts": parts}

if __name__ == "__main__":
    sys.exit(main())
