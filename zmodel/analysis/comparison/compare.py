"""What several studies reached and spent, as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from zmodel.analysis.diagnostics.search import final, history
from zmodel.analysis.diagnostics.space import values
from zmodel.analysis.findings import Findings
from zmodel.analysis.statistics.noise import best_error
from zmodel.analysis.statistics.selection import (
    best,
    count_states,
    listed,
    objective_name,
    recorded_epochs,
    recorded_seconds,
    scored,
    structural,
)
from zmodel.study.fingerprint import as_of_now
from zmodel.study.plain_text import plain
from zmodel.study.records import StudyRecord


@dataclass(frozen=True)
class ComparedStudy:
    """One study. `trials`, `completed` and `forced` (not chosen by the sampler) by value of the
    depth; `steps` of (trials, epochs, best so far) in the order in which trials ended; `test` and
    its interval once final/ exists."""

    name: str
    states: dict[str, int]
    best: float | None
    best_error: float | None
    baseline: float | None
    best_at: str | None
    test: float | None
    test_interval: tuple[float, float] | None
    epochs: int
    seconds: float
    trials: dict[str, int]
    completed: dict[str, int]
    forced: dict[str, int]
    steps: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class Comparison:
    """`differences`: settings in which the studies differ although they are compared; `apart`: why
    their values do not mean the same, empty where they do."""

    objective: str
    maximize: bool
    param: str | None
    labels: tuple[str, ...]
    entries: tuple[ComparedStudy, ...]
    differences: tuple[str, ...]
    apart: str = ""

    @property
    def leaders(self) -> list[ComparedStudy]:
        """The study with the best value, then those that cannot be told from it by noise; without
        known errors those of the same value."""
        way = 1 if self.maximize else -1
        known = sorted(
            (e for e in self.entries if e.best is not None), key=lambda e: -way * (e.best or 0)
        )
        return [e for e in known if _alike(known[0], e)]

    @property
    def coinciding(self) -> list[tuple[str, str]]:
        """Pairs of studies whose lines lie on each other."""
        drawn = [e for e in self.entries if e.steps]
        return [(a.name, b.name) for a, b in combinations(drawn, 2) if _same_line(a, b)]

    def value_at_epochs(self, epochs: int) -> dict[str, float | None]:
        """The best so far of each study once it had spent that many epochs."""
        return {
            e.name: next((v for _, spent, v in reversed(e.steps) if spent <= epochs), None)
            for e in self.entries
        }


def _alike(leader: ComparedStudy, other: ComparedStudy) -> bool:
    """Whether their best values differ by less than twice the error of the difference."""
    gap = abs((leader.best or 0.0) - (other.best or 0.0))
    return gap <= 2 * math.hypot(leader.best_error or 0.0, other.best_error or 0.0)


def _same_line(a: ComparedStudy, b: ComparedStudy) -> bool:
    """The best so far is the same nine tenths of the trials that both have."""
    pairs = [x == y for (*_, x), (*_, y) in zip(a.steps, b.steps, strict=False)]
    return sum(pairs) >= 0.9 * len(pairs)


def compare(studies: Sequence[StudyRecord]) -> Comparison:
    """ValueError when the studies do not optimise in the same direction."""
    ways = {study.directions[:1] for study in studies}
    if len(ways) > 1:
        listed = ", ".join(f"{s.name}: {s.directions[0]}" for s in studies)
        raise ValueError(
            f"compared studies must optimise in the same direction, received {listed}; "
            "compare those that do"
        )
    params = [structural(study)[:1] for study in studies]
    param = params[0][0] if params[0] and all(p == params[0] for p in params) else None
    entries = [_entry(study, param) for study in studies]
    labels = list(dict.fromkeys(label for e in entries for label in e.trials))
    if all(label.lstrip("-").isdigit() for label in labels):
        labels.sort(key=int)
    return Comparison(
        objective_name(studies[0]),
        studies[0].directions[0] == "maximize",
        param,
        tuple(labels),
        tuple(entries),
        tuple(_differences(studies)),
        _apart(studies),
    )


def _apart(studies: Sequence[StudyRecord]) -> str:
    names = dict.fromkeys(map(objective_name, studies))
    if len(names) > 1:
        return f"they optimise {listed(list(names))}"
    prints = [p for study in studies if isinstance(p := study.attrs.get("fingerprint"), dict)]
    data = {str(known) for p in prints if (known := p.get("data")) is not None}
    return "their data differ" if len(data) > 1 else ""


def _entry(study: StudyRecord, param: str | None) -> ComparedStudy:
    findings = Findings(study)
    past, tested = findings.get(history.data), findings.get(final.data)
    steps = past.steps if past else ()
    found = findings.get(values.data)
    cells = next((p.cells for p in found.params if p.param == param), ()) if found else ()
    winner = best(study) if scored(study) else None
    begun = [t for t in study.trials if t.state not in ("running", "waiting")]
    return ComparedStudy(
        name=plain(study.name),
        states=count_states(study.trials),
        best=winner.value if winner else None,
        best_error=best_error(study, winner.value) if winner else None,
        baseline=past.baseline if past else None,
        best_at=str(winner.params.get(param)) if winner and param else None,
        test=tested.mean if tested else None,
        test_interval=tested.interval if tested else None,
        epochs=sum(map(recorded_epochs, begun)),
        seconds=sum(recorded_seconds(t) or 0.0 for t in begun),
        trials={c.label: c.trials for c in cells},
        completed={c.label: c.states["complete"] for c in cells},
        forced={c.label: c.forced for c in cells},
        steps=tuple(
            (i, s.epochs_so_far, s.best_so_far)
            for i, s in enumerate(steps, start=1)
            if s.best_so_far is not None
        ),
    )


def _differences(studies: Sequence[StudyRecord]) -> list[str]:
    """Fixed settings and space that are not the same everywhere; only the method should differ."""
    found = []
    names = {objective_name(study) for study in studies}
    if len(names) > 1:
        found.append(f"objective: {', '.join(sorted(names))}")
    spaces = [{p: str(d) for p, d in study.space.items()} for study in studies]
    for param in dict.fromkeys(p for space in spaces for p in space):
        if len({space.get(param) for space in spaces}) > 1:
            found.append(f"range of {param}")
    fixed = [f for study in studies if isinstance(f := study.attrs.get("fixed"), dict)]
    keys = dict.fromkeys(k for f in fixed for k in f)
    fixed = [as_of_now(f, keys) for f in fixed]
    for key in keys:
        values = list(dict.fromkeys(repr(f.get(key)) for f in fixed))
        if len(values) > 1:
            found.append(f"{key}: {', '.join(values)}")
    return found
