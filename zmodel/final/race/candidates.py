"""Which configurations of a study enter the final stage."""

from __future__ import annotations

import json
import math
from collections import Counter

from zmodel.analysis.statistics.potential import chances
from zmodel.analysis.statistics.selection import by_depth, ranked, score, scored
from zmodel.study.records import StudyRecord, TrialRecord
from zmodel.study.run_folder import read_result, run_folder
from zmodel.study.trial_attributes import attr


def best_first(record: StudyRecord) -> list[TrialRecord]:
    """The first trial of each set of parameters, the best first.

    On small validation sets many are equal: the lower validation loss then decides."""
    trials = ranked(record)
    times = Counter(score(record, trial) or 0.0 for trial in trials)

    def rank(trial: TrialRecord) -> tuple[float, float]:
        value = score(record, trial) or 0.0
        return -value, _loss(record, trial) if times[value] > 1 else 0.0  # it reads a file

    ordered = sorted(trials, key=rank)
    seen: dict[str, TrialRecord] = {}
    for trial in ordered:
        seen.setdefault(json.dumps(trial.params, sort_keys=True, default=str), trial)
    return list(seen.values())


def baseline_among(trials: list[TrialRecord], record: StudyRecord) -> TrialRecord | None:
    """The baseline, or the trial of its parameters that is one of `trials`; None: there is none."""
    own = next((t for t in ranked(record) if attr(t, "baseline")), None)
    return own and next((t for t in trials if t.params == own.params), own)


def for_race(
    record: StudyRecord,
    trials: list[TrialRecord],
    baseline: TrialRecord | None,
    most: int,
    confidence: float,
) -> list[TrialRecord]:
    """The candidates of the race: `most` of `trials`, the best first.

    The best one, the baseline, the best of every depth that can still win, and the next best."""
    wanted = [
        *trials[:1],
        *([baseline] if baseline else []),
        *_of_depths(record, trials, confidence),
    ]
    numbers = list(dict.fromkeys(t.number for t in [*wanted, *trials]))[:most]
    return [t for t in trials if t.number in numbers]


def _of_depths(
    record: StudyRecord, trials: list[TrialRecord], confidence: float
) -> list[TrialRecord]:
    """The best of each depth that is not ruled out, the best first."""
    groups = [group for group in by_depth(record, scored(record)).values() if group]
    able = chances([[score(record, t) or 0.0 for t in group] for group in groups])
    places = {t.number: place for place, t in enumerate(trials)}
    best = [
        min(places[t.number] for t in group if t.number in places)
        for group, chance in zip(groups, able, strict=True)
        if chance > 1 - confidence
    ]
    return [trials[place] for place in sorted(best)]


def _loss(record: StudyRecord, trial: TrialRecord) -> float:
    """At the epoch that was kept; where its run's files are gone, at the last one."""
    folder = run_folder(record, trial)
    kept = read_result(folder).get("best_metrics") if folder else None
    loss = (kept or attr(trial, "metrics", {})).get("val/loss")
    return float(loss) if isinstance(loss, int | float) and math.isfinite(loss) else math.inf
