"""Each tracker, really run: a study is a group there, a trial a run with its number."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zmodel.trackers import require

ROOT = Path(__file__).parents[2]
QUICK = ["data=digits", "model.kernel_size=3", "trainer.max_epochs=1"]
STUDY = ["-m", "hparams_search=zlayers", "hydra.sweeper.coverage=null", "hydra.sweeper.n_jobs=2"]


def needs(package: str) -> pytest.MarkDecorator:
    absent = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(absent, reason=f"{package} is not installed: extra [trackers]")


def train(log_dir: Path, *overrides: str, code: int = 0, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "MLFLOW_"))}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(log_dir), **environment}
    done = subprocess.run(
        [sys.executable, "train.py", *QUICK, f"paths.log_dir={log_dir}", *overrides],
        cwd=ROOT, env={**clean, **quiet}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.mark.slow
@needs("mlflow")
def test_mlflow_has_an_experiment_per_study_and_a_run_per_trial(tmp_path):
    train(tmp_path, *STUDY, "logger=many_loggers", "hydra.sweeper.n_trials=4")
    train(tmp_path, "logger=mlflow", "run_name=alone")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        runs = database.execute(
            "select e.name, r.name, r.status from runs r join experiments e using (experiment_id)"
        ).fetchall()
        best = database.execute("select value from metrics where key = 'val/acc_best'").fetchall()
        params = {key for (key,) in database.execute("select key from params")}
    trials = {("zlayers", f"trial-{number}", "FINISHED") for number in range(4)}
    assert set(runs) == trials | {("train", "alone", "FINISHED")}
    assert len(best) == 5 and all(0 < value <= 1 for (value,) in best)
    assert {"model/z_layers", "data/batch_size", "seed", "tags"} <= params
    for number in range(4):
        folder = tmp_path / "studies" / "zlayers" / "trials" / str(number)
        assert list(folder.glob("tensorboard/events*")) and (folder / "csv/metrics.csv").is_file()


@pytest.mark.slow
@needs("wandb")
def test_wandb_has_a_group_per_study_and_a_run_per_trial(tmp_path):
    offline = ["logger=wandb", "logger.wandb.offline=true", "tags=[first,second]"]
    train(tmp_path, *STUDY, *offline, "hydra.sweeper.n_trials=4")
    found = [wandb_run(path) for path in tmp_path.rglob("*.wandb")]
    assert sorted(found) == [
        ("zlayers", f"trial-{number}", ["first", "second"], 0) for number in range(4)
    ]


def wandb_run(path: Path) -> tuple[str, str, list[str], int]:
    """Group, name, tags and exit code of an offline run."""
    from wandb.proto.wandb_internal_pb2 import Record

    run, exit_code = None, -1
    for data in log_records(path.read_bytes()):
        record = Record.FromString(data)
        if record.HasField("run"):
            run = (record.run.run_group, record.run.display_name, list(record.run.tags))
        if record.HasField("exit"):
            exit_code = record.exit.exit_code
    assert run is not None
    return (*run, exit_code)


def log_records(content: bytes, block: int = 32768) -> Iterator[bytes]:
    """LevelDB's log format after a header of 7 bytes: blocks of pieces (checksum, length, type)."""
    at, pieces = 7, b""
    while at + 7 <= len(content):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        pieces += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, the last piece of one
            yield pieces
            pieces = b""


@pytest.mark.slow
@needs("wandb")
def test_without_a_key_wandb_costs_no_trial(tmp_path):
    said = train(tmp_path, *STUDY, "logger=wandb", code=1)
    assert "logger.wandb.offline=true" in said
    assert not (tmp_path / "studies" / "zlayers").exists()


def test_a_missing_package_is_named_with_the_extra_that_has_it():
    with pytest.raises(ValueError, match=r"zmodel\[trackers\]"):
        require("no_such_tracker")
