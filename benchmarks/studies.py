"""Which way of searching is best at equal cost? It runs the shipped searches and tests their best.

    python benchmarks/studies.py                       many hours; the same command continues
    python benchmarks/studies.py --settings tanh,sigmoid --methods zlayers,halving --seeds 0,1
    python benchmarks/studies.py --table               only the table and the picture

For every setting, method and seed: `train.py -m hparams_search=METHOD` with the setting's budget
of epochs (`defaults` is a fixed list and may end earlier), then `hparams_search=final` on it: the
two best of every study are trained with two new seeds, and the better one is tested. The data
split is the same everywhere; the seed sets sampler and training. No study begins with a baseline:
it would be the same for all. Finished studies are not repeated, and with `--known FILE` neither are
those of a studies.csv from elsewhere, as docs/measured/studies.csv; the table counts them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf
from studies_table import Row, read_rows, write_table

from zmodel.study.folder import study_folder

ROOT = Path(__file__).parent.parent
METHODS = ("naive", "pruned", "random", "defaults", "zlayers", "halving")
SHORT = ("halving", "naive")
"""Methods of which no trial takes a large part of the budget."""
TRIALS = {"defaults": 12}
"""Methods with a fixed list of trials."""
GUARANTEE = {"halving": ("hydra.sweeper.stopping.guarantee=1",)}
"""The shipped two take too much of these budgets, which are of 15 whole trials."""


@dataclass(frozen=True)
class Setting:
    """Data and network.

    Args:
        epochs: of a whole study.
        trial_epochs: of a trial at most; `naive_epochs`: the same for `naive`.
    """

    epochs: int
    trial_epochs: int
    naive_epochs: int
    overrides: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        return PLAIN[0] in self.overrides


PLAIN = (
    "model=znet",
    "model.width=tag(log,int(interval(16,48)))",
    "model.optimizer.weight_decay=tag(log,interval(1e-6,1e-2))",
)
"""No normalisation and plain Adam. Networks up to a width of 48, to pay for ten seeds, and less
weight decay, because Adam's form of it stops the training above 1e-2."""
SETTINGS = {
    "shipped": Setting(600, 40, 16),
    "digits": Setting(600, 40, 16, ("data=digits",)),
    "tanh": Setting(
        800,
        40,
        16,
        (*PLAIN, "model.activation=tanh", "model.optimizer.lr=tag(log,interval(1e-4,1e-1))"),
    ),
    "sigmoid": Setting(
        1200,
        80,
        32,
        (
            *PLAIN,
            "model.activation=sigmoid",
            "callbacks.early_stopping.patience=15",
            "callbacks.early_stopping.cooldown=0.5",
        ),
    ),
}


@dataclass(frozen=True)
class Case:
    """One method in one setting with one seed."""

    setting: str
    method: str
    seed: int
    log_dir: Path

    @property
    def name(self) -> str:
        return f"bench-{self.method}-{self.seed}"

    @property
    def folder(self) -> Path:
        return study_folder(self.log_dir, self.name)

    @property
    def final_seed(self) -> int:
        """Two of its own: the same would make equal choices of two studies the same networks."""
        return 100 + 20 * self.seed + 2 * METHODS.index(self.method)

    @property
    def is_tested(self) -> bool:
        return (self.folder / "final" / "summary.json").is_file()


def main() -> int:
    options = parse()
    known = read_rows(options.known) if options.known else []
    elsewhere = {(row.setting, row.method, row.seed) for row in known}
    cases = [
        Case(setting, method, seed, options.folder / setting)
        for seed in options.seeds
        for setting in options.settings
        for method in options.methods
        if (setting, method, seed) not in elsewhere
    ]
    for case in [] if options.table else to_do(cases, known):
        search(case, options.jobs)
        final(case, options.jobs)
    write_table([case for case in cases if case.is_tested], known, options.folder)
    print(f"table and picture: {options.folder}")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--settings", type=named(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--methods", type=named(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=lambda t: [int(s) for s in t.split(",")], default=range(10))
    parser.add_argument("--jobs", type=int, default=2, help="workers; 0: in this process")
    parser.add_argument("--folder", type=Path, default=ROOT / "logs" / "studies_compared")
    parser.add_argument("--known", type=Path, help="a studies.csv with further studies")
    parser.add_argument("--table", action="store_true", help="run nothing")
    options = parser.parse_args()
    options.folder = options.folder.absolute()
    return options


def named(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads a list of some of these names."""

    def read(text: str) -> list[str]:
        unknown = sorted(set(text.split(",")) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: must be of {', '.join(known)}")
        return text.split(",")

    return read


def to_do(cases: Iterable[Case], known: Iterable[Row]) -> list[Case]:
    """Cases that are not tested; a known study of which the seed is lost stands for one of them."""
    lost = Counter((row.setting, row.method) for row in known if row.seed is None)
    found = []
    for case in cases:
        if not case.is_tested:
            lost[case.setting, case.method] -= 1
            if lost[case.setting, case.method] < 0:
                found.append(case)
    return found


def search(case: Case, jobs: int) -> None:
    """Run the study until it has spent its epochs."""
    method, setting = case.method, SETTINGS[case.setting]
    allowance = setting.naive_epochs if method == "naive" else setting.trial_epochs
    # a trial begins only if the budget pays for a whole one, so half of one would be left over
    epochs = setting.epochs if method in SHORT else setting.epochs + allowance // 2
    command(
        case,
        jobs,
        f"hparams_search={method}",
        f"study_name={case.name}",
        f"seed={case.seed}",
        f"hydra.sweeper.seed={case.seed}",
        f"hydra.sweeper.epochs={epochs}",
        f"hydra.sweeper.n_trials={TRIALS.get(method, 'null')}",
        *([f"hydra.sweeper.enqueue={by_hand()}"] if method in TRIALS and setting.is_plain else []),
        "hydra.sweeper.baseline=false",
        *GUARANTEE.get(method, ()),
        "hydra.sweeper.preflight=null",
        "extras.threads=1",
        f"trainer.max_epochs={allowance}",
        *setting.overrides,
    )


def by_hand() -> str:
    """The dozen of `defaults` as one would try them with a plain network."""
    config = OmegaConf.load(ROOT / "conf" / "hparams_search" / "defaults.yaml")
    dozen = OmegaConf.to_container(config.hydra.sweeper.enqueue)
    for values in dozen:  # type: ignore[union-attr]
        values["model.width"] = min(48, values["model.width"])  # type: ignore
        values["model.optimizer.weight_decay"] *= 0.01  # type: ignore
    return repr(dozen).replace("'", "")


def final(case: Case, jobs: int) -> None:
    """Train again and test what the study chose; its trials bring their overrides along."""
    command(
        case,
        jobs,
        "hparams_search=final",
        f"study={case.name}",
        "final.top=2",
        "final.seeds=2",
        f"final.first_seed={case.final_seed}",
        "final.stretch=1",
        "final.retrain=false",
        f"trainer.max_epochs={SETTINGS[case.setting].trial_epochs}",
    )


def command(case: Case, jobs: int, *overrides: str) -> None:
    """Run train.py as a user would; its failure is ours."""
    words = [sys.executable, str(ROOT / "train.py"), "-m", *overrides]
    words += [f"paths.log_dir={case.log_dir}", f"hydra.sweeper.n_jobs={jobs}"]
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
