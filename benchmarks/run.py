"""One Lightning run compared with the same training as a bare PyTorch loop.

    python benchmarks/run.py                             about ten minutes on two cores
    python benchmarks/run.py --rounds 9 --shapes 3x100   depth x batch size
    python benchmarks/run.py --accelerator gpu           the same on a GPU

Both in one process, one after the other, in every round; one torch thread. CPU time is that of the
process; ratios are taken within a round. Then: where the time of a run goes, and what choices of
the recipe are worth (--choices).
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bare import clocks, load, train
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from process import ROOT, measured
from pytorch_lightning.trainer.connectors.logger_connector.logger_connector import _LoggerConnector
from torch.utils.data import DataLoader, TensorDataset

import zmodel.model.supervised
import zmodel.run.one_run
from zmodel.callbacks import BestAndLast
from zmodel.data import MNIST1D, InMemoryData
from zmodel.model.classifier import Classifier

SHAPES = ["1x32", "1x128", "3x32", "3x100", "3x128", "5x32", "5x128"]


def config(folder: Path, args: argparse.Namespace, z: int, batch: int, *more: str) -> DictConfig:
    """A run as a study makes it: default callbacks and loggers, no bar, no test; all epochs."""
    overrides = [
        f"paths.root_dir={ROOT}", f"paths.output_dir={folder}", f"trainer={args.accelerator}",
        f"trainer.max_epochs={args.epochs}", "trainer.enable_progress_bar=false", "test=false",
        "callbacks.early_stopping.patience=1000", f"model.z_layers={z}", f"data.batch_size={batch}",
    ]  # fmt: skip
    with initialize_config_dir(str(ROOT / "conf")):
        return compose("train", [*overrides, *more])


def compare(folder: Path, args: argparse.Namespace) -> None:
    print("| z-layers | batch | bare CPU s | CPU ratio | wall ratio |\n|---|---|---|---|---|")
    device = "cuda" if args.accelerator == "gpu" else "cpu"
    parts = load(ROOT / "data", device)
    for shape in args.shapes:
        z, batch = map(int, shape.split("x"))
        cfg = config(folder / shape, args, z, batch)

        def bare(z: int = z, batch: int = batch) -> None:
            train(parts, folder / "bare", batch=batch, epochs=args.epochs, z_layers=z)

        def ours(cfg: DictConfig = cfg) -> None:
            zmodel.run.one_run.run(cfg)

        times = interleaved({"bare": bare, "ours": ours}, args.rounds)
        ratios = times["ours"] / times["bare"]
        print(f"| {z} | {batch} | {spread(times['bare'][:, 0])} "
              f"| {spread(ratios[:, 0])} | {spread(ratios[:, 1])} |", flush=True)  # fmt: skip


def interleaved(kinds: dict[str, Callable[[], Any]], rounds: int) -> dict[str, np.ndarray]:
    """(rounds, 2) CPU and wall seconds of each kind; a first round is not counted."""
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for round_ in range(rounds + 1):
        for kind, function in kinds.items():
            cpu, wall = clocks()
            function()
            cpu_after, wall_after = clocks()
            if round_:
                times[kind].append((cpu_after - cpu, wall_after - wall))
    return {kind: np.array(found) for kind, found in times.items()}


def spread(values: np.ndarray) -> str:
    return f"{np.median(values):.2f} ({values.min():.2f} to {values.max():.2f})"


# --- where the time goes ---

PARTS: dict[str, list[tuple[Any, str]]] = {
    "steps": [(zmodel.model.supervised, "train_epoch")],
    "validation": [(Classifier, "validation_step")],
    "logging": [
        (Classifier, "_log_epoch"), (zmodel.run.one_run, "log_hyperparameters"),
        (_LoggerConnector, "log_metrics"),
    ],
    "checkpoint": [
        (BestAndLast, "write_last"), (BestAndLast, "write_best"),
        (BestAndLast, "on_validation_end"), (BestAndLast, "on_train_epoch_end"),
    ],
    "set-up: objects": [
        (zmodel.run.one_run, name) for name in ("build", "build_callbacks", "build_trainer")
    ],
    "set-up: data": [(InMemoryData, "setup")],
    "result.json": [(zmodel.run.one_run, "describe"), (zmodel.run.one_run, "write_result")],
}  # fmt: skip


@contextmanager
def stopwatch():
    """Exclusive CPU seconds by part while the block runs."""
    spent: dict[str, float] = defaultdict(float)
    stack: list[list[float]] = []
    originals = []
    for part, places in PARTS.items():
        for owner, name in places:
            original = getattr(owner, name)
            originals.append((owner, name, original))

            def timed(*args, _original=original, _part=part, **kwargs):
                stack.append([time.process_time(), 0.0])
                try:
                    return _original(*args, **kwargs)
                finally:
                    began, inside = stack.pop()
                    whole = time.process_time() - began
                    spent[_part] += whole - inside
                    if stack:
                        stack[-1][1] += whole

            setattr(owner, name, timed)
    try:
        yield spent
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def breakdown(folder: Path, args: argparse.Namespace) -> None:
    cfg = config(folder / "parts", args, 3, 100)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(args.rounds):
        with stopwatch() as spent:
            cpu, _ = clocks()
            zmodel.run.one_run.run(cfg)
            whole = clocks()[0] - cpu
        spent["Lightning's loops and the rest"] = whole - sum(spent.values())
        for part, seconds in spent.items():
            found[part].append(1000 * seconds)
    print(f"\nWhere the CPU time goes, z=3, batch 100, {args.epochs} epochs (ms, median)\n")
    total = sum(float(np.median(v)) for v in found.values())
    for part, milliseconds in sorted(found.items(), key=lambda kv: -np.median(kv[1])):
        median = np.median(milliseconds)
        print(f"| {part} | {median:.0f} | {median / total:.1%} |")


# --- before the first step ---

STARTS = {
    "python -c 'import torch, pytorch_lightning'": ["-c", "import torch, pytorch_lightning"],
    "python train.py, one batch": [
        "train.py", "trainer.fast_dev_run=true", "logger=none", "test=false"],
    "a study of one trial of one batch, to its end": [
        "train.py", "-m", "hparams_search=random", "hydra.sweeper.n_trials=1",
        "hydra.sweeper.n_jobs=1", "hydra.sweeper.preflight=null", "trainer.fast_dev_run=true"],
    "python train.py --help": ["train.py", "--help"],
    "python analyze.py --help": ["analyze.py", "--help"],
}  # fmt: skip


def starts(folder: Path, args: argparse.Namespace) -> None:
    print("\nStart-up, CPU and wall seconds of the process\n")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
    for _ in range(args.rounds):
        for name, command in STARTS.items():
            number = len(found[name])  # every round has its own study
            extra = [f"paths.log_dir={folder}/{number}"] if "fast_dev" in str(command) else []
            found[name].append(measured(["-B", *command, *extra]))
    first = np.array(next(iter(found.values())))
    for name, times in found.items():
        own = np.array(times)
        print(f"| {name} | {spread(own[:, 0])} | {spread(own[:, 1])} "
              f"| {np.median(own[:, 0] / first[:, 0]):.2f} |")  # fmt: skip


# --- what single choices are worth ---


class Collated(MNIST1D):
    """Training and validation through torch's DataLoader, sample by sample."""

    def train_dataloader(self) -> DataLoader:  # type: ignore[override]
        return DataLoader(TensorDataset(*self.samples_of("train")), self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:  # type: ignore[override]
        return DataLoader(TensorDataset(*self.samples_of("val")), self.batch_size)


CHOICES: dict[str, list[str]] = {
    # all batches of an epoch, but counted: Lightning's own loop
    "batch by batch in Lightning's loop": ["+trainer.limit_train_batches=32"],
    "torch's DataLoader, collating samples (and so batch by batch)": [
        "data._target_=__main__.Collated"],
    "an optimizer that is not fused": ["+model.optimizer.fused=false"],
    "validation in batches of 100": ["data.eval_batch_size=100"],
    "no loggers": ["logger=none"],
    "last.ckpt after every epoch": ["callbacks.checkpoint.every=0"],
    "sanity pass": ["trainer.num_sanity_val_steps=2"],
    "model summary": ["trainer.enable_model_summary=true"],
    "torch.compile": ["model.compile=true"],
}  # fmt: skip


def choices(folder: Path, args: argparse.Namespace) -> None:
    configs = {"default": config(folder / "default", args, 3, 100)}
    for name, overrides in CHOICES.items():
        configs[name] = config(folder / "choice", args, 3, 100, *overrides)
    kinds = {name: lambda cfg=cfg: zmodel.run.one_run.run(cfg) for name, cfg in configs.items()}
    times = interleaved(kinds, args.rounds)
    print("\nOne choice undone, CPU against the default, z=3, batch 100\n")
    for name, found in times.items():
        print(f"| {name} | {spread(found[:, 0] / times['default'][:, 0])} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--shapes", nargs="*", default=SHAPES)
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--only", choices=["compare", "parts", "starts", "choices"])
    given = parser.parse_args()
    os.environ["ZMODEL_ALLOW"] = "__main__.*"
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    sections = {"compare": compare, "parts": breakdown, "starts": starts, "choices": choices}
    with tempfile.TemporaryDirectory() as name:
        for section, show in sections.items():
            if given.only in (None, section):
                show(Path(name), given)
