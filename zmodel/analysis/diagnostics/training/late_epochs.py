"""How noisy the late epochs of the best trials are, and how many were needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zmodel.analysis.findings import Unavailable
from zmodel.analysis.page.rows import Row, flat
from zmodel.analysis.statistics.epoch_noise import best_of_noise, epoch_noise
from zmodel.analysis.statistics.selection import (
    curve_sign,
    fixed,
    need_curves,
    need_objective_curves,
    score,
)
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import read_metrics, run_folder
from zmodel.study.trial_attributes import attr

TITLE = "Late epochs"
QUESTION = "Are the last epochs of the best trials steady, and were they needed?"
TOP, LEAST_EPOCHS = 5, 8
LATE, LEAST_LATE = 0.25, 5
"""The last part of a run, over which its noise is measured, and its least epochs."""
MOSTLY = 0.99
"""A curve has come this part of its way from its first value to its best."""


@dataclass(frozen=True)
class LateEpochs:
    """One of the best trials. `noise`: standard deviation of one epoch's value in its last quarter;
    `arrived`: the epoch at which it had mostly come to its best; `gradient`: median and 90 %
    quantile of the logged gradient norm."""

    trial: int
    value: float
    epochs: int
    noise: float
    arrived: int
    best_epoch: int
    gradient_median: float | None
    gradient_high: float | None


@dataclass(frozen=True)
class LateTrials:
    """The best trials; `gap`: from the best to the last of them; `noise`: the median of theirs."""

    trials: tuple[LateEpochs, ...]
    gap: float
    noise: float
    clipped_at: float | None

    @property
    def luck(self) -> float:
        """What noise is expected to add to the best epoch in the second half of a run."""
        return best_of_noise(self.noise, int(np.median([t.epochs for t in self.trials])) // 2)

    @property
    def arrived(self) -> float:
        """The median share of a run after which its curve had mostly come to its best."""
        return float(np.median([t.arrived / t.epochs for t in self.trials]))


def data(study: StudyRecord) -> LateTrials:
    need_objective_curves(study)
    way = curve_sign(study)
    trials = [t for t in need_curves(study, TOP) if _finite_epochs(t) >= LEAST_EPOCHS][:TOP]
    if len(trials) < TOP:
        raise Unavailable(
            f"needs {TOP} completed trials of at least {LEAST_EPOCHS} epochs with a value, the "
            f"study has {len(trials)}"
        )
    found = tuple(_late(study, trial, way) for trial in trials)
    scores = [score(study, trial) or 0.0 for trial in trials]
    noise = float(np.median([late.noise for late in found]))
    return LateTrials(found, scores[0] - scores[-1], noise, _clip(study))


def _late(study: StudyRecord, trial: TrialRecord, way: float) -> LateEpochs:
    epochs, kept = sorted(trial.curve), attr(trial, "best_epoch")
    curve = way * np.array([trial.curve[epoch] for epoch in epochs])
    late = curve[-max(LEAST_LATE, round(LATE * len(curve))) :]
    places = np.flatnonzero(np.isfinite(curve))
    known = curve[places]
    goal = known[0] + MOSTLY * (known.max() - known[0])
    folder = run_folder(study, trial)
    norms = list((read_metrics(folder) if folder else {}).get("grad/norm", {}).values())
    median, high = np.quantile(norms, (0.5, 0.9)) if norms else (None, None)
    return LateEpochs(
        trial.number,
        float(trial.value or 0.0),
        len(curve),
        epoch_noise(late),
        int(places[np.argmax(known >= goal)]) + 1,
        (epochs.index(kept) if kept in trial.curve else int(places[np.argmax(known)])) + 1,
        None if median is None else float(median),
        None if high is None else float(high),
    )


def _finite_epochs(trial: TrialRecord) -> int:
    return int(np.isfinite([*trial.curve.values()]).sum())


def _clip(study: StudyRecord) -> float | None:
    """trainer.gradient_clip_val, where all trials have the same."""
    value = fixed(study, "trainer.gradient_clip_val")
    return float(value) if isinstance(value, int | float) else None


def rows(record: LateTrials) -> list[Row]:
    return [flat(late) for late in record.trials]


def caption(record: LateTrials) -> str:
    return (
        f"In the last quarter of the {len(record.trials)} best trials, one epoch's value varies by "
        f"{record.noise:.2g} (standard deviation); from the best to the last of them it is "
        f"{record.gap:.2g}. After {record.arrived:.0%} of their epochs they had come "
        f"{MOSTLY:.0%} of their way."
    )
