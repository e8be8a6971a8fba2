"""Builds report/summary.json with the keys of the contract.

A part without data is null, and a verdict states the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmodel.analysis.diagnostics.search import baseline, final, further_trials, timeline
from zmodel.analysis.diagnostics.space import constraints, importance, values
from zmodel.analysis.diagnostics.training import overfitting, pruning_audit, stopping
from zmodel.analysis.findings import Findings
from zmodel.analysis.rules.verdict import Verdict
from zmodel.analysis.statistics.more_trials import LEVEL
from zmodel.analysis.statistics.noise import best_error
from zmodel.analysis.statistics.selection import best, count_states, recorded_epochs, scored

# part of the summary -> the verdict that tells why the part is null
CODE_OF = {
    "coverage": "underexplored",
    "importances": "few_trials",
    "pruning_audit": "pruning_bias",
    "early_stopping": "early_stopping_bias",
    "workers": "zombies",
    "overfitting": "overfitting",
    "final": "selection_optimism",
    "baseline": "worse_than_baseline",
    "further_trials": "further_trials",
}


COUNTED = ("complete", "pruned", "failed", "running")
"""States of which the number is always told."""


def summarize(findings: Findings, verdicts: list[Verdict]) -> dict[str, Any]:
    """The content of summary.json."""
    study = findings.study
    states = count_states(study.trials)
    directions = list(study.directions)
    parts, missing = _parts(findings)
    return {
        "study": study.name,
        "direction": directions[0] if len(directions) == 1 else directions,
        "states": {
            key: n for key, n in states.items() if key in COUNTED or (n and key == "paused")
        },
        "best": _best(findings),
        **parts,
        **_constraints(findings),
        "verdicts": [verdict_json(verdict) for verdict in [*verdicts, *missing]],
    }


def _parts(findings: Findings) -> tuple[dict[str, Any], list[Verdict]]:
    sources: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
        "coverage": (values.data, _coverage),
        "importances": (importance.data, _importances),
        "pruning_audit": (pruning_audit.data, _pruning),
        "early_stopping": (stopping.data, _stopping),
        "workers": (timeline.data, _workers),
        "overfitting": (overfitting.data, _overfitting),
        "final": (final.data, _final),
        "baseline": (baseline.data, _baseline),
        "further_trials": (further_trials.data, _further),
    }
    parts, missing = {}, []
    for part, (data, shape) in sources.items():
        record = findings.get(data)
        parts[part] = None if record is None else shape(record)
        if record is None:
            reason = findings.reason(data)
            missing.append(Verdict(CODE_OF[part], "note", f"No {part}: {reason}."))
    methods = findings.get(importance.data)
    for name, why in methods.skipped.items() if methods else ():
        text = f"No importance by {importance.LABELS[name]}: {why}."
        missing.append(Verdict(CODE_OF["importances"], "note", text))
    return parts, missing


def _constraints(findings: Findings) -> dict[str, Any]:
    """Of a study that has constraints."""
    record = findings.get(constraints.data)
    if record is None:
        return {}
    limits = {
        limit.name: {"limit": limit.text, "broken": limit.broken, "best": limit.best}
        for limit in record.limits
    }
    counts = {key: record.total(key) for key in ("infeasible", "rejected")}
    return {"constraints": {"limits": limits, **counts, "better_infeasible": record.better}}


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the contract has it, with the action beside."""
    return {
        "code": verdict.code,
        "severity": verdict.severity,
        "changes": verdict.changes,
        "param": verdict.param,
        "message": verdict.message,
        "evidence": verdict.evidence,
        "action": verdict.action,
    }


def _best(findings: Findings) -> dict[str, Any] | None:
    if not scored(findings.study):
        return None
    trial = best(findings.study)
    return {
        "number": trial.number,
        "value": trial.value,
        "params": trial.params,
        "epochs": recorded_epochs(trial),
        "standard_error": best_error(findings.study, trial.value),
    }


def _coverage(record: values.Values) -> dict[str, Any]:
    return {
        param.param: {
            cell.label: {
                "trials": cell.trials,
                "share": cell.share,
                "complete": cell.states["complete"],
                "pruned": cell.states["pruned"],
                "failed": cell.states["failed"],
                **({"paused": cell.states["paused"]} if cell.states["paused"] else {}),
                "best": cell.best,
                "median": cell.median,
                "ci": None if cell.median_low is None else [cell.median_low, cell.median_high],
            }
            for cell in param.cells
        }
        for param in record.params
    }


def _importances(record: importance.Importance) -> dict[str, Any]:
    return {
        method.name: {
            param: {"value": e.value, "low": e.low, "high": e.high}
            for param, e in method.params.items()
        }
        for method in record.methods
    }


def _overfitting(record: overfitting.Overfitting) -> dict[str, Any]:
    fit = record.best
    return {"train_acc": fit.train_acc, "val_acc": fit.val_acc, "gap": fit.gap}


def _pruning(record: pruning_audit.Pruning) -> dict[str, Any]:
    return {
        audit.pruner: {
            "killed": audit.killed,
            "killed_by_value": audit.killed_by_value,
            "top_k_killed": {f"{share:.0%}": n for share, (n, _) in audit.top.items()},
            "best_survivor": audit.best_survivor,
            "regret": audit.regret,
            "epochs_saved": audit.epochs_saved,
        }
        for audit in record.audits
    }


def _stopping(record: stopping.Stopping) -> dict[str, Any]:
    return {
        "epochs_run": record.epochs_run,
        "epochs_allowed": record.epochs_allowed,
        "stopped_early": record.stopped_early,
        "control_regret": record.control_regret,
        "patience": record.patience,
        "sufficient_patience": record.sufficient,
    }


def _workers(record: timeline.Timeline) -> dict[str, Any]:
    return {"count": len(record.lanes), "busy_fraction": record.busy_fraction}


def _baseline(record: baseline.Baseline) -> dict[str, Any]:
    new = record.final
    return {
        "number": record.trial,
        "value": record.value,
        "moved": record.moved,
        "gain": record.gain,
        "final": {"n": new.n, "gain": new.gain, "ci": [new.low, new.high]} if new else None,
    }


def _further(record: further_trials.FurtherTrials) -> dict[str, Any]:
    def shape(row: further_trials.NextTrials) -> dict[str, Any]:
        halve = {"median": row.halve, "ci": [row.halve_low, row.halve_high]}
        return {"gain_ci": [0.0, row.high], "chance": row.chance, "halve": halve}

    return {
        "ahead": record.ahead,
        "level": LEVEL,
        **shape(record.study),
        "by_value": {row.value: shape(row) for row in record.values if row.high is not None},
    }


def _final(record: final.Final) -> dict[str, Any]:
    interval = list(record.interval) if record.interval else None
    told = {"mean": record.mean, "std": record.std, "ci": interval}
    return {
        "n": len(record.scores),
        "score": {"metric": record.metric, **told},
        **{f"test_acc_{key}": record.accuracy.get(key) for key in told},
        "per_class": record.per_class or None,
        "confusion_matrix": record.confusion_matrix or None,
    }
