"""Does a worker grow? Memory, descriptors and cost per trial over a long study.

    python benchmarks/leak.py                 500 real trials in one worker, then studies to 5,000
    python benchmarks/leak.py --trials 300    fewer

Trials: one worker trains 500 networks for one epoch each (digits), with all loggers, checkpoints
and files of a normal trial. Growth: what claim, suggestion of seven parameters and tell cost with
0, 1,000 and 5,000 finished trials of 20 epochs, by sampler, and the memory of the open study.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

ROOT = Path(__file__).parent.parent


def memory() -> float:
    """Resident MB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


# --- trials in one worker ---


class Watch(Callback):
    """Appends memory, descriptors and CPU seconds of the process to a file after every fit."""

    def __init__(self, path: str) -> None:
        self.path = path

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        with open(self.path, "a") as file:
            descriptors = len(os.listdir("/proc/self/fd"))
            file.write(json.dumps([memory(), descriptors, time.process_time()]) + "\n")


def trials(folder: Path, n: int) -> np.ndarray:
    """(n, 3): MB, descriptors, CPU seconds of the worker after each of `n` trials."""
    path = folder / "watch.jsonl"
    command = [
        "train.py", "-m", "hparams_search=random", f"paths.log_dir={folder}", "data=digits",
        f"hydra.sweeper.n_trials={n}", "hydra.sweeper.n_jobs=1", "hydra.sweeper.preflight=null",
        "trainer.max_epochs=1", "z_layers.max=2", "model.kernel_size=3",
        "model.width=16", "data.batch_size=200",
        f"+callbacks.watch={{_target_: leak.Watch, path: {path}}}",
    ]  # fmt: skip
    path_ = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    env = os.environ | {"ZMODEL_ALLOW": "leak.*", "PYTHONPATH": path_}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return np.array([json.loads(line) for line in path.read_text().splitlines()])


def show_trials(folder: Path, n: int) -> None:
    found = trials(folder, n)
    print(f"{n} trials in one worker\n\n| after trial | RSS MB | descriptors | CPU ms per trial |")
    print("|---|---|---|---|")
    step = max(1, n // 5)
    for i in range(step, n, step):
        cost = 1000 * (found[i, 2] - found[i - step, 2]) / step
        print(f"| {i} | {found[i, 0]:.0f} | {found[i, 1]:.0f} | {cost:.0f} |")


# --- growth of the study ---

SAMPLERS = {
    "random": ({"_target_": "optuna.samplers.RandomSampler"}, None),
    "tpe": ({"_target_": "optuna.samplers.TPESampler"}, None),
    "tpe, history=1000": ({"_target_": "optuna.samplers.TPESampler"}, 1000),
}


def growth(folder: Path, size: int, repeats: int = 20) -> dict[str, float]:
    """CPU ms per trial by sampler, and MB taken by the open study, with `size` finished trials."""
    import optuna
    from optuna.distributions import FloatDistribution

    from zmodel.study.budget.lease import Lease
    from zmodel.study.budget.slots import Slots
    from zmodel.study.storage.opening import open_storage
    from zmodel.study.storage.study_lock import study_lock
    from zmodel.sweep.history.bounded_history import BoundedHistory
    from zmodel.sweep.sampling.samplers import make_sampler

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {f"p{i}": FloatDistribution(0, 1) for i in range(7)}
    path = str(folder / f"{size}.journal")
    study = optuna.create_study(storage=open_storage(path), study_name="g", direction="maximize")
    rng = np.random.default_rng(0)
    for slot in range(size):
        params = dict(zip(space, rng.random(7).tolist(), strict=True))
        curve = dict(enumerate(rng.random(20).tolist()))
        template = optuna.trial.create_trial(
            value=params["p0"], params=params, distributions=space,
            intermediate_values=curve, user_attrs={"slot": slot, "attempt": 1},
        )  # fmt: skip
        study._storage.create_new_trial(study._study_id, template)
    del study
    before = memory()
    storage = open_storage(path)
    study = optuna.load_study(study_name="g", storage=storage)
    slots = Slots(storage, study._study_id, 10**6, lambda: study_lock(path, folder))
    lease, found = Lease(folder), {}
    for name, (config, most) in SAMPLERS.items():
        began = time.process_time()
        for _ in range(repeats):
            ticket = slots.claim(lease)
            assert ticket is not None
            sampler = make_sampler(config, 0, ticket.user_attrs["slot"])
            study.sampler = BoundedHistory(sampler, most) if most else sampler
            trial = optuna.Trial(study, ticket._trial_id)
            for parameter in space:
                trial.suggest_float(parameter, 0, 1)
            study.tell(ticket.number, trial.params["p0"])
        found[name] = 1000 * (time.process_time() - began) / repeats
        if name == "random":
            found["MB"] = memory() - before
    return found


def show_growth(folder: Path, sizes: tuple[int, ...] = (0, 1000, 5000)) -> None:
    rows = [growth(folder, size) for size in sizes]
    print(f"\n| finished trials | {' | '.join(rows[0])} |\n|{'---|' * (len(rows[0]) + 1)}")
    for size, row in zip(sizes, rows, strict=True):
        print(f"| {size} | {' | '.join(f'{value:.1f}' for value in row.values())} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.trials:
            show_trials(Path(name), given.trials)
        show_growth(Path(name))
