"""Builds final/summary.json."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zmodel.analysis.page.files import to_json
from zmodel.core.atomic_file import write
from zmodel.core.objective import counterpart_in_test
from zmodel.final.choice import Candidate
from zmodel.final.estimates import Estimates, scores_of, worst
from zmodel.final.gain import Gain, gain_over_baseline
from zmodel.final.outputs import Unjudged
from zmodel.final.plan import FinalPlan
from zmodel.final.scores import (
    Predictions,
    calibration,
    mean_and_interval,
    most_confused,
    per_class,
)
from zmodel.final.testing import Tested

SUMMARY_FILE = "summary.json"
SHARES = ("test/acc", "test/f1")
"""Metrics between 0 and 1."""


@dataclass(frozen=True)
class FinalResult:
    """What the final stage found.

    `winner` with its validation values; `tested`: the tested runs, trained on all samples if
    `retrained`; `further`: overrides that the user gave all runs."""

    plan: FinalPlan
    candidates: tuple[Candidate, ...]
    winner: Candidate
    tested: tuple[Tested, ...]
    further: tuple[str, ...]
    folder: Path
    retrained: bool = False

    @property
    def gain(self) -> Gain | None:
        """Over the baseline of the study."""
        return gain_over_baseline(self.candidates, self.plan.baseline, self.plan.maximize)

    @property
    def classified(self) -> list[Predictions]:
        """Of every seed, or nothing when no classes were predicted."""
        return [t.predictions for t in self.tested if isinstance(t.predictions, Predictions)]

    @property
    def estimated(self) -> list[Estimates]:
        """Of every seed, or nothing when no values were predicted."""
        return [t.predictions for t in self.tested if isinstance(t.predictions, Estimates)]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.classified[0].classes if self.classified else ()

    @property
    def counts(self) -> np.ndarray:
        """Confusion matrix summed over seeds."""
        return np.sum([p.confusion() for p in self.classified], axis=0)

    @property
    def counterpart(self) -> str:
        """What the search optimised, as a test logs it."""
        return counterpart_in_test(self.plan.metric)

    @property
    def metric(self) -> str:
        """The metric of the test: what the search optimised.

        Accuracy for classes where that is a loss, or where no test logs it."""
        logged = all(self.counterpart in t.result.get("metrics", {}) for t in self.tested)
        if self.classified and not (logged and self.plan.maximize):
            return "test/acc"
        return self.counterpart

    def score_of(self, tested: Tested) -> float | None:
        if self.metric == "test/acc" and isinstance(tested.predictions, Predictions):
            return tested.predictions.accuracy
        value = tested.result.get("metrics", {}).get(self.metric)
        return None if value is None else float(value)

    def score(self) -> dict[str, Any] | None:
        """Mean, spread and interval of ``metric`` over the seeds; None when no test logged it.

        The interval is over seeds; ``values.scores`` has that over samples too.
        """
        values = [v for t in self.tested if (v := self.score_of(t)) is not None]
        if not values:
            return None
        ends = (0.0, 1.0) if self.metric in SHARES else (-np.inf, np.inf)
        mean, std, interval = mean_and_interval(values, *ends)
        optimism = (self.plan.best_of_search - mean) * (1 if self.plan.maximize else -1)
        return {
            "metric": self.metric,
            "mean": mean,
            "std": std,
            "ci": interval,
            "optimism": optimism if self.metric == self.counterpart else None,
        }

    def summary(self, model: dict[str, Any] | None) -> dict[str, Any]:
        """The content of summary.json; `model` says what was exported."""
        score, plan = self.score(), self.plan
        accuracies = [p.accuracy for p in self.classified]
        mean, std, interval = mean_and_interval(accuracies) if accuracies else (None,) * 3
        return {
            "study": plan.study,
            "n": len(self.tested),
            "score": score,
            "test_acc_mean": mean,
            "test_acc_std": std,
            "test_acc_ci": interval,
            "best_validation_of_search": plan.best_of_search,
            "optimism": score["optimism"] if score else None,
            "metric": plan.metric,
            "completed_trials_of_search": plan.completed,
            "options": plan.options,
            "race": self._race(),
            "baseline": self.gain.to_json() if self.gain else None,
            "winner": self._winner(),
            "candidates": [self._candidate(c) for c in self.candidates],
            **self._of_classes(),
            "values": self._of_values(),
            "unpredicted": next(
                (p.reason for t in self.tested if isinstance(p := t.predictions, Unjudged)), None
            ),
            "model": model,
        }

    def _of_classes(self) -> dict[str, Any]:
        keys = ("per_class", "confusion_matrix", "most_confused", "calibration")
        if not self.classified:
            return dict.fromkeys(keys)
        found = (
            per_class(self.counts, self.classes),
            {"classes": list(self.classes), "counts": self.counts.tolist()},
            most_confused(self.counts, self.classes),
            calibration(self.classified),
        )
        return dict(zip(keys, found, strict=True))

    def _of_values(self) -> dict[str, Any] | None:
        found = self.estimated
        if not found:
            return None
        targets = list(found[0].targets)
        return {"targets": targets, "scores": scores_of(found), "worst": worst(found)}

    def write(self, summary: dict[str, Any]) -> None:
        """Write summary.json, which marks the stage as done."""
        write(self.folder / SUMMARY_FILE, to_json(summary), durable=True)

    def _winner(self) -> dict[str, Any]:
        runs = [
            {
                "seed": t.run.seed,
                "score": self.score_of(t),
                "test_acc": p.accuracy if isinstance(p := t.predictions, Predictions) else None,
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

    def _race(self) -> dict[str, Any] | None:
        """How many runs it took; None where all candidates got all seeds."""
        if not self.plan.is_race:
            return None
        runs = sum(len(c.runs) + len(c.failed) for c in self.candidates)
        return {"runs": runs, "confidence": self.plan.options["confidence"]}

    def _candidate(self, candidate: Candidate) -> dict[str, Any]:
        sign, standing = (1 if self.plan.maximize else -1), candidate.standing
        return {
            "trial": candidate.trial,
            "search_value": self.plan.search_values[candidate.trial],
            "val_mean": candidate.mean if candidate.runs else None,
            "val_std": candidate.std if len(candidate.runs) > 1 else None,
            "parameters": candidate.parameters if candidate.runs else None,
            "values": {str(run.seed): run.value for run in candidate.runs},
            "score": sign * standing.score if standing else None,
            "behind": standing.behind if standing else None,
            "error": standing.error if standing else None,
            "able": standing.able if standing else None,
            "failed": list(candidate.failed),
            "broken": list(candidate.broken),
        }


def read_summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / SUMMARY_FILE).read_text())
