"""The search promises more than the test data confirm."""

from __future__ import annotations

from zmodel.analysis.diagnostics.search import final
from zmodel.analysis.diagnostics.search.final import Final
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.noise import over_samples
from zmodel.analysis.statistics.selection import scored

CODE = "selection_optimism"
CHECK = "the test set keeps what validation promised"
WARNING = 0.02
"""Of an accuracy; of another metric a share of it, SHARE."""
SHARE = 0.1


def judge(findings: Findings) -> list[Verdict] | None:
    found = findings.get(final.data)
    if found is None or found.optimism is None:
        return None
    assert found.validation is not None
    low, high = _interval(found)
    if found.optimism <= 0 or low <= found.validation <= high:
        return []
    much = WARNING if found.word == "accuracy" else SHARE * abs(found.mean)
    trials = len(scored(findings.study))
    return [
        Verdict(
            CODE,
            "warning" if found.optimism >= much else "note",
            f"The {found.promised} was {found.validation:.4f}; the test gives {found.mean:.4f} on "
            f"average over {len(found.scores)} runs: quote that.",
            None,
            {
                "validation": found.validation,
                "test_mean": found.mean,
                "optimism": found.optimism,
                "runs": len(found.scores),
                "trials": trials,
            },
        )
    ]


def _interval(found: Final) -> tuple[float, float]:
    """Of the test over seeds and, for an accuracy, over test samples, which all seeds share."""
    if found.interval is None:
        return (found.validation or 0.0,) * 2
    low, high = found.interval
    counts = found.confusion_matrix.get("counts") or ()
    tested = sum(map(sum, counts)) / len(found.scores)
    if found.word != "accuracy":
        return low, high
    return over_samples(found.mean, low, high, round(tested))
