"""The study engine compared with the stock Optuna sweeper, in the same run.

    python benchmarks/engine.py             utilisation and overhead, a few minutes
    python benchmarks/engine.py growth      cost per trial with 0, 1,000 and 5,000 finished trials

Utilisation: 32 tasks that sleep for exponentially distributed times (mean 1 s) on 4 workers; the
share of worker time between the first start and the last end that is spent in tasks.
Overhead: CPU time of the whole process per empty trial, inline, beyond that of a study of 1.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
APP = """
import json, time
from pathlib import Path
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(config_path=None, config_name="bench")
def main(cfg):
    start = time.time()
    time.sleep(cfg.sleeps[int(cfg.i)] if cfg.sleeps else 0)
    if cfg.sleeps:
        with open(cfg.log, "a") as file:
            file.write(json.dumps([start, time.time()]) + "\\n")
    return cfg.x

if __name__ == "__main__":
    main()
"""
COMMON = """
i: 0
x: 0.5
optimized_metric: x
sleeps: null
log: null
hydra:
  searchpath: {search}
  sweep: {{dir: {out}, subdir: "trials/${{hydra.job.num}}"}}
  sweeper:
    direction: maximize
    study_name: bench
"""
OURS = """
defaults: [_self_, {override hydra/sweeper: zmodel}, {override hydra/sweeper/sampler: random}]
"""
STOCK = """
defaults:
  - _self_
  - override hydra/sweeper: optuna
  - override hydra/sweeper/sampler: random
  - override hydra/launcher: LAUNCHER
"""


def study(kind: str, out: Path, *overrides: str, launcher: str = "basic") -> tuple[float, float]:
    """Run one study of kind "ours" or "stock"; CPU and wall seconds of the process tree."""
    out.mkdir(parents=True)
    defaults = OURS if kind == "ours" else STOCK.replace("LAUNCHER", launcher)
    search = [f"file://{ROOT / 'conf'}"] if kind == "ours" else []
    config = defaults + COMMON.format(out=out / "study", search=search)
    if kind == "ours":
        config += "    preflight: null\n    preload: []\n"
    else:
        config += f"    storage: sqlite:///{out}/study.db\n    n_trials: 1\n    n_jobs: 1\n"
    (out / "bench.yaml").write_text(config)
    (out / "bench.py").write_text(APP.replace("config_path=None", f"config_path={str(out)!r}"))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, str(out / "bench.py"), "-m", *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def utilisation(folder: Path, draws: int = 5) -> None:
    busy: dict[str, list[float]] = {"stock": [], "ours": []}
    for draw in range(draws):
        sleeps = np.random.default_rng(draw).exponential(1.0, 32).round(3).tolist()
        for kind, launcher in (("stock", "joblib"), ("ours", "basic")):
            log = folder / f"{kind}-{draw}.log"
            study(
                kind, folder / f"util-{kind}-{draw}", f"sleeps={sleeps}", f"log={log}",
                "i=range(0,32)", "x=0.5", "hydra.sweeper.n_trials=32", "hydra.sweeper.n_jobs=4",
                "hydra/sweeper/sampler=grid", launcher=launcher,
            )  # fmt: skip
            spans = np.array([json.loads(line) for line in log.read_text().splitlines()])
            assert len(spans) == 32
            total = spans[:, 1].max() - spans[:, 0].min()
            busy[kind].append((spans[:, 1] - spans[:, 0]).sum() / (4 * total))
    print(f"32 exponential sleeps on 4 workers, {draws} draws: busy share of worker time")
    for kind, found in busy.items():
        listed = ", ".join(f"{value:.0%}" for value in found)
        print(f"  {kind:>6}: median {np.median(found):.0%} ({listed})")


def overhead(folder: Path, trials: int = 60, rounds: int = 3) -> None:
    print(f"CPU per empty trial, inline, random sampler ({rounds} interleaved rounds)")
    costs: dict[str, list[float]] = {"stock": [], "ours": []}
    for round_ in range(rounds):
        for kind in costs:
            jobs = "hydra.sweeper.n_jobs=0" if kind == "ours" else "hydra.sweeper.n_jobs=1"
            one, many = (
                study(kind, folder / f"over-{kind}-{n}-{round_}", f"hydra.sweeper.n_trials={n}",
                      jobs, "x=interval(0,1)")[0]
                for n in (1, trials + 1)
            )  # fmt: skip
            costs[kind].append(1000 * (many - one) / trials)
    for kind, found in costs.items():
        print(f"  {kind:>6}: {np.median(found):.0f} ms ({min(found):.0f} to {max(found):.0f})")
    print(f"  ratio ours / stock: {np.median(costs['ours']) / np.median(costs['stock']):.2f}")


def growth(folder: Path) -> None:
    """Claim, ask and tell alone, without Hydra, on studies of growing size."""
    import optuna
    from optuna.trial import TrialState

    from zmodel.study.budget.lease import Lease
    from zmodel.study.budget.slots import Slots
    from zmodel.study.storage.opening import open_storage
    from zmodel.study.storage.study_lock import study_lock

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("CPU ms per claim + 1 suggestion + tell on the journal, random sampler")
    storage = open_storage(str(folder / "study.journal"))
    study = optuna.create_study(
        storage=storage, study_name="g", sampler=optuna.samplers.RandomSampler()
    )
    slots = Slots(storage, study._study_id, 10**6, lambda: study_lock(str(folder), folder))
    lease = Lease(folder)
    done = 0
    for size in (0, 1_000, 5_000):
        template = optuna.trial.create_trial(
            value=0.5, params={"x": 0.5},
            distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
        )  # fmt: skip
        while done < size:
            template.user_attrs = {"slot": done}
            storage.create_new_trial(study._study_id, template)
            done += 1
        began = time.process_time()
        for _ in range(50):
            ticket = slots.claim(lease)
            assert ticket is not None
            trial = optuna.Trial(study, ticket._trial_id)
            trial.suggest_float("x", 0, 1)
            study.tell(ticket.number, 0.5, state=TrialState.COMPLETE)
        done += 50
        print(f"  {size:>6} trials: {1000 * (time.process_time() - began) / 50:.1f} ms")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if sys.argv[1:] == ["growth"]:
            growth(Path(name))
        else:
            utilisation(Path(name))
            overhead(Path(name))
