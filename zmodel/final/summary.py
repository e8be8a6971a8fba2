"""What the final stage found, and final/summary.json, which others read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zmodel.analysis.page.files import to_json
from zmodel.core.atomic_file import write
from zmodel.final.choice import Candidate
from zmodel.final.gain import Gain, gain_over_baseline
from zmodel.final.plan import FinalPlan
from zmodel.final.scores import calibration, mean_and_interval, most_confused, per_class
from zmodel.final.testing import Tested

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True)
class FinalResult:
    """`winner` with its validation values; `tested` holds the runs that met the test set, which
    are retrained ones if that was asked for; `further`: overrides that the user gave all runs."""

    plan: FinalPlan
    candidates: tuple[Candidate, ...]
    winner: Candidate
    tested: tuple[Tested, ...]
    further: tuple[str, ...]
    folder: Path

    @property
    def retrained(self) -> bool:
        """Folds leave no network of their own to be tested."""
        return bool(self.plan.options["retrain"]) or self.winner.cross_validated

    @property
    def gain(self) -> Gain | None:
        """Over the baseline of the study."""
        return gain_over_baseline(self.candidates, self.plan.baseline, self.plan.maximize)

    @property
    def counts(self) -> np.ndarray:
        """Confusion matrix summed over seeds."""
        return np.sum([t.predictions.confusion() for t in self.tested], axis=0)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.tested[0].predictions.classes

    def summary(self, model: dict[str, Any] | None) -> dict[str, Any]:
        """The content of summary.json; `model` says what was exported."""
        mean, std, interval = mean_and_interval([t.accuracy for t in self.tested])
        found, plan = calibration([t.predictions for t in self.tested]), self.plan
        accuracy = "acc" in plan.metric and plan.maximize
        return {
            "study": plan.study,
            "n": len(self.tested),
            "test_acc_mean": mean,
            "test_acc_std": std,
            "test_acc_ci": interval,
            "best_validation_of_search": plan.best_of_search,
            "optimism": plan.best_of_search - mean if accuracy else None,
            "metric": plan.metric,
            "completed_trials_of_search": plan.completed,
            "options": plan.options,
            "baseline": self.gain.to_json() if self.gain else None,
            "winner": self._winner(),
            "candidates": [self._candidate(c) for c in self.candidates],
            "per_class": per_class(self.counts, self.classes, len(self.tested)),
            "confusion_matrix": {"classes": list(self.classes), "counts": self.counts.tolist()},
            "most_confused": most_confused(self.counts, self.classes),
            "calibration": found,
            "model": model,
        }

    def write(self, model: dict[str, Any] | None) -> dict[str, Any]:
        """Write summary.json, which marks the stage as done; return its content."""
        summary = self.summary(model)
        write(self.folder / SUMMARY_FILE, to_json(summary), durable=True)
        return summary

    def _winner(self) -> dict[str, Any]:
        runs = [
            {
                "seed": t.run.seed,
                "test_acc": t.accuracy,
                "trained": os.path.relpath(t.run.folder, self.folder),
                "tested": os.path.relpath(t.folder, self.folder),
            }
            for t in self.tested
        ]
        return {
            **self._candidate(self.winner),
            "overrides": list(self.plan.overrides[self.winner.trial]),
            "further_overrides": list(self.further),
            "retrained_epochs": self.winner.median_epochs if self.retrained else None,
            "tests": runs,
            "runs": [run["tested"] for run in runs],
        }

    def _candidate(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "trial": candidate.trial,
            "search_value": self.plan.search_values[candidate.trial],
            "val_mean": candidate.mean if candidate.runs else None,
            "val_std": candidate.std if candidate.runs else None,
            "parameters": candidate.parameters if candidate.runs else None,
            "values": {str(run.seed): run.value for run in candidate.runs},
            "failed": list(candidate.failed),
        }


def read_summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / SUMMARY_FILE).read_text())
