"""What people get wrong: one message through the real command, and nothing is spent on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


def command(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    paths = [f"paths.log_dir='{folder}/lög'", f"hydra.run.dir='{folder}/rün'"]
    return subprocess.run(
        [sys.executable, "train.py", *overrides, *paths],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def data(folder: Path, **arrays: np.ndarray) -> str:
    """A file with a given split into parts, of which some are replaced; its override."""
    rng = np.random.default_rng(0)
    whole = {
        f"{name}_{part}": value
        for part in ("train", "val", "test")
        for name, value in (("x", rng.normal(size=(40, 8))), ("y", np.arange(40) % 2))
    }
    np.savez(folder / "däta.npz", **{**whole, **arrays})
    return f"data.path='{folder}/däta.npz'"


UNSOUND_TEST = {"y_test": np.zeros(40, dtype=int)}
STUDY = ["-m", "hparams_search=random", "hydra.sweeper.n_jobs=0"]


def test_an_unsound_test_part_is_found_before_a_run_trains(tmp_path: Path) -> None:
    done = command(tmp_path, "data=arrays", data(tmp_path, **UNSOUND_TEST))
    assert done.returncode == 1
    assert (
        "däta.npz, test part: every class needs" in done.stderr
        and "found none of '1'" in done.stderr
    )
    assert not (tmp_path / "rün" / "csv").exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_test": np.full((40, 8), np.nan)}, "test part: x must be finite"),
        ({"y_train": np.zeros(40, dtype=int), "y_val": np.zeros(40, dtype=int)}, "two classes"),
        ({f"y_{part}": np.arange(40) % 2 + 1 for part in ("train", "val", "test")}, "found 1, 2"),
    ],
)
def test_unsound_data_end_a_study_before_its_first_trial(tmp_path, arrays, words) -> None:
    path = data(tmp_path, **arrays)
    done = command(tmp_path, *STUDY, "data=arrays", path, "data.input_shape=[1,8]")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "däta.npz" in done.stderr and words in done.stderr
    assert not (tmp_path / "lög" / "studies").exists() or not list(
        (tmp_path / "lög" / "studies").iterdir()
    )
