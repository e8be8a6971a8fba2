"""The same study run in four ways: wall and CPU time in interleaved rounds.

    python benchmarks/study.py                          five rounds, half an hour on two cores
    python benchmarks/study.py --rounds 1 --epochs 3    a first look
    python benchmarks/study.py --accelerator gpu        the trials on a GPU

(a) the stock Optuna sweeper with an application in the style of lightning-hydra-template
    (benchmarks/template): DataLoader, torchmetrics, default callbacks
(b) zmodel, hydra.sweeper.n_jobs=1
(c) zmodel, hydra.sweeper.n_jobs=2
(d) plain Optuna on a journal, two processes forked after the imports, bare PyTorch loop
    (benchmarks/bare.py)

Trials: a grid of 5 depths x 2 learning rates x 2 batch sizes, every one for all its epochs (as many
as a trial of the shipped study may take), with validation after each epoch and the best weights
written. All have one thread per process, with which every one of them is fastest. (c) keeps logs,
curves, result files and a resumable checkpoint per trial, (d) only weights and one curve. CPU is
that of all processes; "trials" is the wall time from the first trial's start to the last one's end.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from process import ROOT, measured

GRID = {"z_layers": [1, 2, 3, 4, 5], "lr": [0.003, 0.01], "batch_size": [64, 128]}


def grid(depth: int) -> dict[str, list]:
    return GRID | {"z_layers": GRID["z_layers"][:depth]}


def sweep(args: argparse.Namespace) -> list[str]:
    """The grid in Hydra's words."""
    values = {name: ",".join(map(str, found)) for name, found in grid(args.depth).items()}
    return [
        f"model.z_layers={values['z_layers']}", f"model.optimizer.lr={values['lr']}",
        f"data.batch_size={values['batch_size']}", f"trainer.max_epochs={args.epochs}",
        f"trainer.accelerator={args.accelerator}", f"hydra.sweeper.n_trials={count(args)}",
    ]  # fmt: skip


def count(args: argparse.Namespace) -> int:
    return len(list(itertools.product(*grid(args.depth).values())))


def in_order(args: argparse.Namespace) -> list[str]:
    """The trials in the order of (d): what is left to do at the end would differ otherwise."""
    names = ("model.z_layers", "model.optimizer.lr", "data.batch_size")
    rows = itertools.product(*grid(args.depth).values())
    cells = (zip(names, row, strict=True) for row in rows)
    return [f"{{{','.join(f'{name}: {value}' for name, value in row)}}}" for row in cells]


Times = tuple[tuple[float, float], float | None]
"""CPU and wall seconds of the process, wall seconds of its trials where the study is kept."""


def stock(folder: Path, args: argparse.Namespace) -> Times:
    times = measured([
        str(ROOT / "benchmarks/template/train.py"), "-m", *sweep(args),
        f"data.path={ROOT}/data/mnist1d.npz", f"hydra.sweep.dir={folder}",
    ])  # fmt: skip
    assert len(list(folder.glob("*/checkpoints/last.ckpt"))) == count(args)
    return times, None  # its study is in memory


def ours(n_jobs: int, *more: str) -> Callable[[Path, argparse.Namespace], Times]:
    def study(folder: Path, args: argparse.Namespace) -> Times:
        times = measured([
            "train.py", "-m", *sweep(args), "+study_name=bench", "hydra/sweeper=zmodel",
            "hydra/sweeper/sampler=grid", "hydra.sweeper.study_name=bench",
            f"hydra.sweeper.enqueue=[{','.join(in_order(args))}]",
            f"hydra.sweeper.n_jobs={n_jobs}", f"hydra.sweep.dir={folder}",
            "hydra.sweep.subdir='trials/${hydra.job.num}'", "test=false", "extras.threads=null",
            "callbacks.early_stopping.patience=100", "trainer.enable_progress_bar=false", *more,
        ])  # fmt: skip
        assert len(list(folder.glob("trials/*/checkpoints/last.ckpt"))) == count(args)
        return times, trial_seconds(folder / "study.journal", "bench")

    return study


def plain(folder: Path, args: argparse.Namespace) -> Times:
    times = measured([
        __file__, "--plain", str(folder), "--epochs", str(args.epochs),
        "--depth", str(args.depth), "--accelerator", args.accelerator,
    ])  # fmt: skip
    assert len(list(folder.glob("*/best.ckpt"))) == count(args)
    return times, trial_seconds(folder / "journal.log", "plain")


def plain_study(folder: Path, args: argparse.Namespace) -> None:
    """(d) itself: the trials wait in the study, two forks take them."""
    import optuna
    import torch
    from bare import load, train

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    device = "cuda" if args.accelerator == "gpu" else "cpu"
    folder.mkdir(parents=True)

    def storage() -> optuna.storages.JournalStorage:
        from optuna.storages.journal import JournalFileBackend

        return optuna.storages.JournalStorage(JournalFileBackend(str(folder / "journal.log")))

    study = optuna.create_study(study_name="plain", storage=storage(), direction="maximize")
    for values in itertools.product(*grid(args.depth).values()):
        study.enqueue_trial(dict(zip(GRID, values, strict=True)))

    def work() -> None:
        parts = load(ROOT / "data", device)
        mine = optuna.load_study(study_name="plain", storage=storage())

        def objective(trial: optuna.Trial) -> float:
            chosen = {n: trial.suggest_categorical(n, v) for n, v in grid(args.depth).items()}
            return train(
                parts, folder / str(trial.number), epochs=args.epochs, lr=chosen["lr"],
                batch=chosen["batch_size"], z_layers=chosen["z_layers"],
            )  # fmt: skip

        waiting = (optuna.trial.TrialState.WAITING,)
        while mine.get_trials(deepcopy=False, states=waiting):
            mine.optimize(objective, n_trials=1)

    # CUDA does not survive a fork
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


def trial_seconds(journal: Path, name: str) -> float:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    trials = optuna.load_study(study_name=name, storage=storage).trials
    starts = [t.datetime_start for t in trials if t.datetime_start]
    ends = [t.datetime_complete for t in trials if t.datetime_complete]
    return (max(ends) - min(starts)).total_seconds()


def timed(study: Callable, folder: Path, args: argparse.Namespace) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, wall seconds of the trials alone (or NaN)."""
    (cpu, wall), trials = study(folder, args)
    return wall, cpu, float("nan") if trials is None else trials


STUDIES = {
    "(a) stock sweeper, template style": stock,
    "(b) zmodel, n_jobs=1": ours(1),
    "(c) zmodel, n_jobs=2": ours(2),
    "(d) plain Optuna, bare loop, two processes": plain,
}


def table(found: dict[str, list[tuple[float, float, float]]]) -> str:
    """Medians and ranges; the factors are medians of ratios within a round."""
    a, d = (np.array(found[name]) for name in (list(found)[0], list(found)[3]))
    lines = [
        "| study | wall s | CPU s | faster than (a), wall | CPU | trials, wall s | against (d) |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for name, times in found.items():
        own = np.array(times)
        cells = [name, spread(own[:, 0], 0), spread(own[:, 1], 0)]
        cells += [spread(a[:, 0] / own[:, 0], 2), spread(a[:, 1] / own[:, 1], 2)]
        with_trials = not np.isnan(own[0, 2])
        cells += [spread(own[:, 2], 0), spread(own[:, 2] / d[:, 2], 2)] if with_trials else ["", ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def spread(values: np.ndarray, digits: int) -> str:
    low, middle, high = (f"{f(values):.{digits}f}" for f in (np.min, np.median, np.max))
    return f"{middle} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--depth", type=int, default=5, choices=range(1, 6), help="z_layers up to")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.plain:
        plain_study(args.plain, args)
        return
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in STUDIES}
    print(f"{count(args)} trials of {args.epochs} epochs, {args.rounds} rounds")
    for round_ in range(args.rounds):
        for name, study in STUDIES.items():
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(timed(study, Path(folder) / "study", args))
            wall, cpu, trials = found[name][-1]
            print(f"  {round_} {name}: {wall:.1f} s, CPU {cpu:.1f} s, trials {trials:.1f} s",
                  file=sys.stderr, flush=True)  # fmt: skip
        print(f"\nafter round {round_ + 1}\n\n{table(found)}", flush=True)


if __name__ == "__main__":
    main()
