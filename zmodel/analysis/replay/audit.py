"""What a pruner would have cost and saved, from a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from zmodel.analysis.statistics.selection import score, sign
from zmodel.study.cells import Cells
from zmodel.study.records import StudyRecord, TrialRecord

SHARES = (0.01, 0.05, 0.10)


@dataclass(frozen=True)
class Kill:
    """A trial the pruner would have stopped. Ranks start at 1: `rank` among all completed trials
    in the end, `rank_then` among the trials with a value at `epoch`, both of `of`/`of_then`."""

    number: int
    label: str
    epoch: int
    rank: int | None
    rank_then: int
    of_then: int


@dataclass(frozen=True)
class Audit:
    """One pruner. Counts are means over `assignments` replays (1 but for Hyperband).

    `top`: share -> (killed, of); `regret`: the study's best value minus the best survivor's,
    never negative; `epochs_saved` of `epochs_run`; `best_killed`: share of the replays in which
    the best trial dies; `kills`: of the first replay.
    """

    pruner: str
    assignments: int
    killed: float
    killed_by_value: dict[str, float]
    top: dict[float, tuple[float, int]]
    best_survivor: float | None
    regret: float | None
    regret_range: tuple[float, float] | None
    best_killed: float
    epochs_saved: float
    kills: tuple[Kill, ...]


def by_value(trials: Sequence[TrialRecord], cells: Cells | None) -> dict[str, int]:
    if cells is None:
        return {}
    return {
        label: len(group) for label, group in zip(cells.labels, cells.split(trials), strict=True)
    }


def audit(
    study: StudyRecord,
    name: str,
    trials: list[TrialRecord],
    cells: Cells | None,
    replays: list[dict[int, int]],
) -> Audit:
    by_number = {t.number: t for t in trials}
    order = sorted(
        (t for t in trials if t.state == "complete" and score(study, t) is not None),
        key=lambda t: -(score(study, t) or 0.0),
    )
    survivors = [next((t for t in order if t.number not in k), None) for k in replays]
    regrets = [abs(order[0].value - t.value) for t in survivors if t is not None]  # type: ignore[operator]
    killed_by = [by_value([by_number[n] for n in k], cells) for k in replays]
    tops = {share: order[: max(1, round(share * len(order)))] for share in SHARES}
    return Audit(
        pruner=name,
        assignments=len(replays),
        killed=fmean(len(k) for k in replays),
        killed_by_value={
            label: fmean(k[label] for k in killed_by) for label in (cells.labels if cells else ())
        },
        top={
            share: (fmean(sum(t.number in k for t in group) for k in replays), len(group))
            for share, group in tops.items()
        },
        best_survivor=fmean(t.value for t in survivors if t is not None) if regrets else None,  # type: ignore[misc]
        regret=fmean(regrets) if regrets else None,
        regret_range=(min(regrets), max(regrets)) if regrets else None,
        best_killed=fmean(order[0].number in k for k in replays),
        epochs_saved=fmean(_saved(by_number, k) for k in replays),
        kills=_kills(study, by_number, order, cells, replays[0]),
    )


def _saved(trials: dict[int, TrialRecord], killed: dict[int, int]) -> int:
    return sum(sum(s > step for s in trials[number].curve) for number, step in killed.items())


def _kills(
    study: StudyRecord,
    trials: dict[int, TrialRecord],
    order: list[TrialRecord],
    cells: Cells | None,
    killed: dict[int, int],
) -> tuple[Kill, ...]:
    rank = {t.number: i + 1 for i, t in enumerate(order)}
    at_epoch: dict[int, np.ndarray] = {}
    kills = []
    for number, epoch in killed.items():
        if epoch not in at_epoch:
            found = [sign(study) * t.curve[epoch] for t in trials.values() if epoch in t.curve]
            at_epoch[epoch] = np.asarray(found)
        own = sign(study) * trials[number].curve[epoch]
        kills.append(
            Kill(
                number,
                (cells and cells.label_of(trials[number])) or "",
                epoch,
                rank.get(number),
                1 + int(np.sum(at_epoch[epoch] > own)),
                len(at_epoch[epoch]),
            )
        )
    return tuple(sorted(kills, key=lambda k: (k.rank is None, k.rank, k.number)))
