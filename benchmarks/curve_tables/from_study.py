"""A table of learning curves from a finished study."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zmodel.analysis.statistics.scale import scale_of
from zmodel.analysis.statistics.selection import curve_sign, structural
from zmodel.study.cells import cells_of
from zmodel.study.records import StudyRecord, TrialRecord

LEAST = 10
"""Trials of a table."""


def save_study(study: StudyRecord, path: Path) -> int:
    """The completed trials of the study as a table; how many they are.

    A study knows no test accuracy per epoch. So a choice is judged by the validation value that it
    is made by, which favours all rules alike, and a value to be minimised has its sign turned.

    Raises:
        ValueError: fewer than LEAST completed trials with a curve of their own, or a study that
            does not search for a structural parameter.
    """
    param = next(iter(structural(study)), None)
    if param is None:
        raise ValueError(
            f"a table has depths, and study '{study.name}' searches for no structural parameter"
        )
    cells = cells_of(study, param)
    trials = [t for t in study.comparable if is_whole(t) and cells.label_of(t) is not None]
    if len(trials) < LEAST:
        raise ValueError(
            f"a table needs {LEAST} completed trials with a value of every epoch, study "
            f"'{study.name}' has {len(trials)}"
        )
    ends = np.array([len(t.curve) for t in trials])
    curves = np.full((len(trials), ends.max(), 5), np.nan, np.float32)
    for row, trial in zip(curves, trials, strict=True):
        row[: len(trial.curve), (0, 4)] = _rising(study, trial)[:, None]
    if curve_sign(study) < 0:
        curves -= np.nanmin(curves)  # from 0 upwards, as accuracies are
    varied = [p for p, d in study.space.items() if not d.single()]
    depths = np.array([[1 + (cells.at(t.params[param]) or 0)] for t in trials], float)
    unit = np.array(
        [[scale_of(study, p).unit(t.params[p]) if p in t.params else 0.5 for p in varied]
         for t in trials]
    )  # fmt: skip
    np.savez_compressed(path, config=depths, curves=curves, ends=ends, unit=unit)
    return len(trials)


def is_whole(trial: TrialRecord) -> bool:
    """Whether it came to its own end, and reported after every epoch."""
    every = bool(trial.curve) and sorted(trial.curve) == list(range(len(trial.curve)))
    return every and trial.state == "complete" and not trial.attrs.get("control")


def _rising(study: StudyRecord, trial: TrialRecord) -> np.ndarray:
    return curve_sign(study) * np.array([trial.curve[epoch] for epoch in sorted(trial.curve)])
