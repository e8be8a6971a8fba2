"""The kill test: faults hit a running study, and checks say what must hold in the end.

    python benchmarks/kill.py                       8 minutes of faults, then runs to the end
    python benchmarks/kill.py --stopping depth_halving    the same with trials that pause
    python benchmarks/kill.py --storage postgres    the same in a database, which is killed too
    python benchmarks/kill.py --part workers        200 kills of workers over 200 quick trials
    python benchmarks/kill.py --part reapers        20 rounds of four reapers at a barrier
    python benchmarks/kill.py --part postgres       eight starts at once on an empty PostgreSQL

First part: real trials (digits), whose epochs are stretched so that most faults hit inside
training; two commands with two workers each on one study. A seeded random fault every few seconds:
kill -9, stops of up to 40 s and SIGTERM of workers and controllers, deleted locks and leases, a
full disk (root only: the logs are on a small disk of their own), damaged checkpoints. A command
that ends is started again. Then two further commands run to the end.

Exit code 1 when a check fails; then everything but the checkpoints is kept.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT))  # for tests.support

from killing.checks import MOST_ATTEMPTS, Faulty, check_halving, check_study  # noqa: E402
from killing.commands import Command, until_none_lives  # noqa: E402
from killing.faults import Faults  # noqa: E402
from killing.parts import kill_workers, race_reapers, start_on_postgres  # noqa: E402
from killing.small_disk import SmallDisk, small_disk  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

from tests.support.servers import Postgres, postgres_binaries  # noqa: E402
from zmodel.study.storage.opening import open_storage  # noqa: E402

EPOCHS = 6
WORKERS = 2
"""Of each command."""
MEGABYTES = 400
PAUSES = (1.0, 5.0)
"""Seconds between two faults."""


def arguments(
    options: argparse.Namespace, log_dir: Path, server: Postgres | None = None
) -> list[str]:
    """Of the command; without faults its trials would take a quarter of the time that they last."""
    share = 60 / 4 * options.minutes * 2 * WORKERS / (options.trials * EPOCHS)
    if options.stopping == "none":
        study = ["hparams_search=zlayers", f"hydra.sweeper.n_trials={options.trials}"]
    else:
        study = ["hparams_search=halving", f"hydra.sweeper.epochs={options.trials * EPOCHS}"]
    if server is not None:
        study.append(f"hydra.sweeper.storage={server.url}")
    return [
        "train.py", "-m", *study, "data=digits", "model.kernel_size=3",
        f"paths.log_dir={log_dir}", "study_name=kill",
        f"hydra.sweeper.n_jobs={WORKERS}", f"hydra.sweeper.max_attempts={MOST_ATTEMPTS}",
        f"trainer.max_epochs={EPOCHS}", "callbacks.checkpoint.every=0.5",
        "+callbacks.slow._target_=killing.slow_epochs.SlowEpochs",
        f"+callbacks.slow.seconds={share:.2f}", "+callbacks.slow.folder=${paths.output_dir}",
    ]  # fmt: skip


def make_commands(
    options: argparse.Namespace, log_dir: Path, outputs: Path, server: Postgres | None
) -> list[Command]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    env = {"ZMODEL_ALLOW": "killing.*", "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    given = arguments(options, log_dir, server)
    return [Command(given, outputs / f"{name}.txt", env) for name in ("first", "second")]


def trials_of(study: Path, server: Postgres | None) -> list[FrozenTrial]:
    where = str(study / "study.journal") if server is None else server.url
    storage = open_storage(where, read_only=True)
    return storage.get_all_trials(storage.get_study_id_from_name("kill"))


def hit(
    options: argparse.Namespace,
    study: Path,
    commands: list[Command],
    disk: SmallDisk | None,
    server: Postgres | None,
) -> tuple[Faults, dict[int, float]]:
    """Hit the study until the time is up or it is complete; what was seen complete meanwhile."""
    dice = random.Random(options.seed)
    faults, told = Faults(study, commands, disk, dice, server), {}
    diary = commands[0].output.with_name("faults.log").open("w", buffering=1)
    end = time.monotonic() + 60 * options.minutes
    commands[0].start()
    while not list((study / "trials").glob("*/began")):
        assert commands[0].ended() is None, commands[0].output.read_text()
        time.sleep(0.2)
    commands[1].start()
    while time.monotonic() < end and len(told) < options.trials:
        time.sleep(dice.uniform(*PAUSES))
        faults.heal()
        print(time.strftime("%X"), faults.strike(), file=diary)
        if not faults.is_database_down:
            trials = trials_of(study, server)
            told |= {t.number: t.value for t in trials if t.state == TrialState.COMPLETE}
        for command in commands:
            if command.ended() is not None:
                print(time.strftime("%X"), command.output.stem, command.ended(), file=diary)
                command.start()
    faults.heal(everything=True)
    return faults, told


def finish(commands: list[Command], limit: float) -> Faulty:
    """Start the commands once more and wait for them; what is wrong with how they end."""
    for command in commands:
        command.end()
        command.start()
    end = time.monotonic() + limit
    codes = [command.wait(max(0, end - time.monotonic())) for command in commands]
    left = until_none_lives(commands, 30)
    for command in commands:
        command.end()
    wrong = [f"a command ended with {code}" for code in codes if code != 0]
    return wrong + ([f"processes {left} live on"] if left else [])


def traces(outputs: Path) -> Faulty:
    """Traces in what commands print, which a user cannot read.

    Not those of Python's fork server, for a controller that was killed while it started a worker.
    """
    found = []
    for file in sorted(outputs.glob("*.txt")):
        lines = file.read_text(errors="replace").splitlines()
        for number, (line, cause) in enumerate(zip(lines, lines[1:], strict=False), 1):
            if line.startswith("Traceback") and "forkserver.py" not in cause:
                found.append(f"{file}: line {number}")
    return found


def kill_study(options: argparse.Namespace) -> dict[str, Faulty]:
    if options.storage == "postgres" and postgres_binaries() is None:
        raise SystemExit("error: PostgreSQL is not installed (no initdb)")
    server = Postgres() if options.storage == "postgres" else None
    try:
        return kill_study_in(server, options)
    finally:
        if server is not None:
            server.remove()


def kill_study_in(server: Postgres | None, options: argparse.Namespace) -> dict[str, Faulty]:
    folder = Path(options.keep or tempfile.mkdtemp(prefix="zmodel-kill-")).resolve()
    with small_disk(folder / "disk", MEGABYTES) as disk:
        log_dir, outputs = folder / "disk" / "logs", folder / "outputs"
        outputs.mkdir(parents=True, exist_ok=True)
        study = log_dir / "studies" / "kill"
        commands = make_commands(options, log_dir, outputs, server)
        began = time.monotonic()
        try:
            faults, told = hit(options, study, commands, disk, server)
            minutes = (time.monotonic() - began) / 60
            ends = finish(commands, 60 * max(15, 3 * options.minutes))
        finally:
            for command in commands:
                command.end(5)
        trials = trials_of(study, server)
        checks = {"the last two commands end with 0": ends, "no traces for users": traces(outputs)}
        if options.stopping == "none":
            checks |= check_study(study, trials, options.trials, EPOCHS, told)
        else:
            checks |= check_halving(study, trials, options.trials * EPOCHS, EPOCHS, told)
        print(f"{minutes:.1f} minutes of faults; {len(told)} trials were complete by then")
        print_faults(faults, disk is not None)
        attempts = max(t.user_attrs.get("attempt", 1) for t in trials)
        slots = len({t.user_attrs.get("slot") for t in trials})
        print(f"{len(trials)} attempts at {slots} slots, at most {attempts} at one")
        for command in commands:
            codes = ", ".join(f"{n} x {code}" for code, n in sorted(command.codes.items()))
            print(f"exit codes of the {command.output.stem} command: {codes}")
        if any(checks.values()) or options.keep:
            shutil.copytree(study, folder / "study", ignore=shutil.ignore_patterns("*.ckpt"))
            print(f"files: {folder}")
    return checks


def print_faults(faults: Faults, has_disk: bool) -> None:
    print(f"\n{'fault':45}{'times':>7}{'inside training':>17}")
    for name, times in faults.done.most_common():
        print(f"{name:45}{times:7}{faults.inside[name]:17}")
    print(f"{'together':45}{faults.done.total():7}{faults.inside.total():17}")
    if not has_disk:
        print("disk full: skipped, no small disk can be mounted here")
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["study", "workers", "reapers", "postgres"],
                        default="study")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--stopping", choices=["none", "depth_halving"], default="none")
    parser.add_argument("--storage", choices=["journal", "postgres"], default="journal")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", help="a folder that gets outputs and study")
    options = parser.parse_args()
    if options.part == "study":
        checks = kill_study(options)
    else:
        parts = {
            "workers": lambda: kill_workers(options.seed),
            "reapers": race_reapers,
            "postgres": start_on_postgres,
        }
        summary, checks = parts[options.part]()
        print(summary)
    for name, wrong in checks.items():
        print(f"{'FAILED' if wrong else 'ok':8}{name}")
        for line in wrong[:5]:
            print(f"        {line}")
    return int(any(checks.values()))


if __name__ == "__main__":
    sys.exit(main())
