"""Tests the winner once per seed and keeps the result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zmodel.core.atomic_file import write
from zmodel.final.choice import Candidate, Run
from zmodel.final.estimates import Estimates
from zmodel.final.job import FinalJob
from zmodel.final.outputs import Unjudged
from zmodel.final.scores import Predictions
from zmodel.sweep.workers.job import HERE
from zmodel.sweep.workers.outcome import value_of


@dataclass(frozen=True)
class Tested:
    """The test of one seed.

    `run` gave the weights. `predictions`: of classes, of values, or others."""

    run: Run
    folder: Path
    result: dict[str, Any]
    predictions: Predictions | Estimates | Unjudged


def test_once(
    winner: Candidate, job: FinalJob, arguments: Sequence[str], folder: Path
) -> list[Tested]:
    """Test the runs of the winner in `folder`/<seed>; one that has a result is not run again."""
    return [_test(run, winner.trial, job, arguments, folder / str(run.seed)) for run in winner.runs]


def _test(run: Run, trial: int, job: FinalJob, arguments: Sequence[str], folder: Path) -> Tested:
    path, kept = folder / "result.json", folder / "predictions.npz"
    if not path.is_file():
        checkpoint = run.folder / "checkpoints" / "best.ckpt"
        if not checkpoint.is_file():
            raise ValueError(
                f"The test needs the weights of seed {run.seed}, but there is no {checkpoint}. "
                "Run the final stage with callbacks.checkpoint; it writes them."
            )
        testing = job.testing(checkpoint, kept)
        overrides = [*arguments, f"trial={trial}", f"seed={run.seed}"]
        returned = testing.run(testing.compose(overrides, run.seed, folder, {}, HERE))
        try:
            value_of(returned)
        except Exception:
            path.unlink(missing_ok=True)
            raise
    result, predictions = json.loads(path.read_text()), read_predictions(kept)
    if isinstance(predictions, Predictions):
        matrix = {
            "split": "test",
            "classes": list(predictions.classes),
            "counts": predictions.confusion().tolist(),
        }
        if result.get("confusion_matrix") != matrix:
            result["confusion_matrix"] = matrix
            write(path, json.dumps(result, indent=1) + "\n")
    return Tested(run, folder, result, predictions)


def read_predictions(path: Path) -> Predictions | Estimates | Unjudged:
    """What :class:`zmodel.callbacks.save_predictions.SavePredictions` wrote."""
    with np.load(path, allow_pickle=False) as file:
        names = set(file.files)
        if "reason" in names:
            return Unjudged(str(file["reason"]), file.get("outputs"))
    return Predictions.read(path) if "probabilities" in names else Estimates.read(path)
