"""Starts and ends the processes of a distributed run (``trainer=ddp``).

Lightning starts the other ranks as subprocesses that repeat the command of this one, and describes
the group in environment variables. In a study the command would be the study, with parameters of
its own: the others are given the configuration of this run instead. And a worker goes on to its
next trial in the same process: the group of the last one must be gone by then, and no rank may be
left alone in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch.distributed
from hydra.core.hydra_config import HydraConfig
from pytorch_lightning import Trainer

VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
SECONDS = 60.0
"""So long the other ranks may take to end after the first one."""


@contextmanager
def own_group() -> Iterator[list[Trainer]]:
    """One group of processes for the trainers that the block appends to the list.

    It ends with the block: in good order, or by force when the block fails, so that the others do
    not wait for this one."""
    command = sys.argv
    before = {name: os.environ.get(name) for name in VARIABLES}
    trainers: list[Trainer] = []
    failed = True
    try:
        yield trainers
        failed = False
    finally:
        sys.argv = command
        others = [p for t in trainers for p in getattr(t.strategy.launcher, "procs", ())]
        if others:
            _end(others, failed)
            for trainer in trainers:
                # the list that Lightning's observer watches: it would kill this process too
                getattr(trainer.strategy.launcher, "procs", []).clear()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def join(trainer: Trainer, trainers: list[Trainer]) -> None:
    """Append a trainer to those of the group.

    If it has several processes, ``sys.argv``, which they repeat, becomes this run's command."""
    trainers.append(trainer)
    if trainer.world_size == 1 or not HydraConfig.initialized():
        return
    folder = Path(HydraConfig.get().runtime.output_dir, HydraConfig.get().output_subdir or "")
    if (folder / "config.yaml").is_file():
        sys.argv = [sys.argv[0], "--config-path", str(folder), "--config-name", "config"]


def _end(others: list[subprocess.Popen[bytes]], by_force: bool) -> None:
    for process in others:
        if by_force:
            process.kill()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
