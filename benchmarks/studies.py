"""Which way of searching is best at equal cost? It runs the shipped searches and tests their best.

    python benchmarks/studies.py                       hours; the same command continues
    python benchmarks/studies.py --methods naive,zlayers --seeds 0,1 --jobs 2
    python benchmarks/studies.py --table               only the table of what there is

For every method and seed: `train.py -m hparams_search=METHOD` until the study has trained for
--epochs epochs (its budget of trials is raised as long as it has not; `defaults` is a fixed list
and ends earlier), then `hparams_search=final` on it, where every method's choices may train for
the same --final-epochs. The data split is the same everywhere; the seed sets sampler and training.
Every study is a folder of --log-dir, so finished studies are not repeated. Table and plots go
to --out.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from studies_table import write_table

from zmodel.analysis.statistics.selection import recorded_epochs
from zmodel.study.folder import JOURNAL, study_folder
from zmodel.study.records import StudyRecord, load_study
from zmodel.study.storage.opening import open_storage

ROOT = Path(__file__).parent.parent
METHODS = ("naive", "pruned", "random", "defaults", "zlayers", "halving")
EPOCHS = ("halving",)
"""Methods whose budget is itself one of epochs."""
FIXED = ("defaults",)
"""Methods whose number of trials is their own."""
MOST_ROUNDS = 20
LEAST_MORE = 4
"""So many trials are added at least: starting again takes longer than a pruned trial."""


@dataclass(frozen=True)
class Case:
    """One method with one seed."""

    method: str
    seed: int

    @property
    def name(self) -> str:
        return f"bench-{self.method}-{self.seed}"


def main() -> int:
    options = parse()
    cases = [Case(method, seed) for seed in options.seeds for method in options.methods]
    for case in [] if options.table else cases:
        if is_tested(case, options):
            continue
        search(case, options)
        final(case, options)
        write_table(cases, options.log_dir, options.out, options.epochs)
    write_table(cases, options.log_dir, options.out, options.epochs)
    print(f"table and plots: {options.out}")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", type=lambda t: t.split(","), default=list(METHODS))
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in t.split(",")], default=range(5))
    parser.add_argument("--epochs", type=int, default=1600, help="of a whole study")
    parser.add_argument("--trials", type=int, help="of a study at first; default: its own config")
    parser.add_argument("--trial-epochs", type=int, help="at most; default: the study's own config")
    parser.add_argument("--naive-epochs", type=int, help="the same for naive; its own are fewer")
    parser.add_argument("--final-epochs", type=int, default=80, help="of a run of the final stage")
    parser.add_argument("--final-top", type=int, default=3)
    parser.add_argument("--final-seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="workers")
    parser.add_argument("--set", action="append", default=[], help="an override for all studies")
    parser.add_argument("--log-dir", type=Path, default=ROOT / "logs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "studies")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args()
    unknown = sorted(set(options.methods) - set(METHODS))
    if unknown:
        parser.error(f"--methods must be of {', '.join(METHODS)}, got {', '.join(unknown)}")
    options.log_dir, options.out = options.log_dir.absolute(), options.out.absolute()
    return options


def search(case: Case, options: argparse.Namespace) -> None:
    """Run the study until it has spent its epochs."""
    n_trials = options.trials
    for _ in range(MOST_ROUNDS):
        record = load(case, options.log_dir)
        if record is not None:
            spent, ended = cost(record)
            budget = int(record.attrs.get("n_trials", 0))
            complete = ended >= budget
            if complete and (spent >= options.epochs or case.method in FIXED):
                return
            n_trials = budget
            if complete:  # as many more as the trials so far suggest
                missing = (options.epochs - spent) / max(1.0, spent / max(1, ended))
                n_trials += max(LEAST_MORE, math.ceil(missing))
        more = [f"n_trials={n_trials}"] if n_trials and case.method not in FIXED else []
        if case.method in EPOCHS:
            more = [f"epochs={options.epochs}"]
        own = options.naive_epochs if case.method == "naive" else options.trial_epochs
        epochs = [] if own is None else [own]
        command(
            options,
            f"hparams_search={case.method}",
            f"study_name={case.name}",
            f"seed={case.seed}",
            f"hydra.sweeper.seed={case.seed}",
            *(f"hydra.sweeper.{budget}" for budget in more),
            *(f"trainer.max_epochs={n}" for n in epochs),
            *options.set,
        )
        if case.method in EPOCHS:
            return
    raise SystemExit(f"{case.name} has not spent {options.epochs} epochs in {MOST_ROUNDS} rounds")


def final(case: Case, options: argparse.Namespace) -> None:
    """Retrain and test what the study chose; its trials bring --set along."""
    command(
        options,
        "hparams_search=final",
        f"study={case.name}",
        f"final.top={options.final_top}",
        f"final.seeds={options.final_seeds}",
        "final.stretch=1",
        "final.retrain=false",
        f"trainer.max_epochs={options.final_epochs}",
    )


def is_tested(case: Case, options: argparse.Namespace) -> bool:
    return (study_folder(options.log_dir, case.name) / "final" / "summary.json").is_file()


def load(case: Case, log_dir: Path) -> StudyRecord | None:
    folder = study_folder(log_dir, case.name)
    path = folder / JOURNAL
    if not path.is_file():
        return None
    return load_study(case.name, open_storage(str(path), read_only=True), folder)


def cost(record: StudyRecord) -> tuple[int, int]:
    """Epochs trained and trials ended."""
    ended = [t for t in record.trials if t.state in ("complete", "pruned", "failed")]
    return sum(map(recorded_epochs, ended)), len(ended)


def command(options: argparse.Namespace, *overrides: str) -> None:
    """Run train.py as a user would; its failure is ours."""
    words = [sys.executable, str(ROOT / "train.py"), "-m", *overrides]
    words += [f"paths.log_dir={options.log_dir}", f"hydra.sweeper.n_jobs={options.jobs}"]
    print("$ python train.py", *words[2:], flush=True)
    began = time.monotonic()
    code = subprocess.run(words, cwd=ROOT).returncode
    if code:
        raise SystemExit(
            f"the command above ended with exit code {code}; correct the cause and start it again"
        )
    print(f"{time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
