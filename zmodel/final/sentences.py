"""The result of the final stage as a person would say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def for_terminal(summary: dict[str, Any], folder: Path) -> str:
    """Several lines for the terminal, from the content of summary.json."""
    return "\n".join(
        [
            *_candidates(summary),
            "",
            test_sentence(summary),
            *optimism_sentences(summary),
            *baseline_sentences(summary),
            *_confusions(summary),
            _calibration(summary),
            "",
            f"report    {folder / 'index.html'}",
            *_model(summary, folder),
        ]
    )


def _candidates(summary: dict[str, Any]) -> list[str]:
    lines = [f"{'trial':>6}  {'validation':<17}  {'in the search':<13}  weights"]
    for c in summary["candidates"]:
        mark = "  <- winner" if c["trial"] == summary["winner"]["trial"] else ""
        if c["trial"] == (summary.get("baseline") or {}).get("trial"):
            mark = f"  baseline{mark}"
        value = "-" if c["val_mean"] is None else f"{c['val_mean']:.4f} ± {c['val_std']:.4f}"
        weights = f"{c['parameters']:,}" if c["parameters"] else "-"
        failed = f"  {len(c['failed'])} runs failed" if c["failed"] else ""
        found = f"{c['search_value']:.4f}"
        lines.append(f"{c['trial']:>6}  {value:<17}  {found:<13}  {weights}{failed}{mark}")
    return lines


def test_sentence(summary: dict[str, Any]) -> str:
    """Mean, spread and interval of the winner's test accuracy."""
    winner, n = summary["winner"], summary["n"]
    who = f"trial {winner['trial']}"
    if winner["retrained_epochs"]:
        epochs = winner["retrained_epochs"]
        who += f", retrained on training and validation samples for {epochs} epochs"
    text = f"Test accuracy of the winner ({who}): {summary['test_acc_mean']:.4f}"
    if summary["test_acc_ci"]:
        low, high = summary["test_acc_ci"]
        text += (
            f" on average over {n} seeds, standard deviation {summary['test_acc_std']:.4f}, "
            f"95 % interval of the mean {low:.4f} to {high:.4f}"
        )
    return text + "."


def optimism_sentences(summary: dict[str, Any]) -> list[str]:
    """How much of the search's best value was luck; nothing when it was no accuracy."""
    gap = summary["optimism"]
    if gap is None:
        return []
    best, winner = summary["best_validation_of_search"], summary["winner"]
    interval = summary["test_acc_ci"]
    text = (
        f"The search's best validation value, {best:.4f}, is the largest of "
        f"{summary['completed_trials_of_search']} noisy numbers: the winner reaches "
        f"{winner['val_mean']:.4f} on validation with new seeds"
    )
    if winner["trial"] != summary["candidates"][0]["trial"]:
        text += f" ({winner['search_value']:.4f} in the search)"
    if gap <= 0:
        return [f"{text}, and the test gives no less. The search was not optimistic."]
    size = "" if interval is None or best > interval[1] else ", within the spread of the seeds"
    return [f"{text}. The search was {gap:.4f} too optimistic{size}: quote the test accuracy."]


def baseline_sentences(summary: dict[str, Any]) -> list[str]:
    """What the search gained over the configuration as composed; nothing without a baseline."""
    found = summary.get("baseline")
    if not found:
        return []
    text = (
        f"Trial {found['rival']}, the best of the search here, is {found['gain']:+.4f} better than "
        f"the baseline (trial {found['trial']}) on validation with the same {found['n']} seeds"
    )
    if not found["gain_ci"]:
        return [f"{text}."]
    low, high = found["gain_ci"]
    text += f", 95 % interval {low:+.4f} to {high:+.4f}"
    if high < 0:
        return [f"{text}: the search has found nothing as good as what it began with."]
    return [f"{text}." if low > 0 else f"{text}: that may be chance."]


def _confusions(summary: dict[str, Any]) -> list[str]:
    pairs = [
        f"{p['true']} taken for {p['predicted']} ({p['share']:.1%})"
        for p in summary["most_confused"][:3]
    ]
    return [f"Most confused: {', '.join(pairs)}."] if pairs else ["No test sample was mistaken."]


def _calibration(summary: dict[str, Any]) -> str:
    return f"Expected calibration error {summary['calibration']['ece']:.4f}."


def _model(summary: dict[str, Any], folder: Path) -> list[str]:
    model = summary["model"]
    if not model:
        return []
    if "skipped" in model:
        return [f"model     not written: {model['skipped']}"]
    lines = [f"model     {folder / 'model'} (seed {model['seed']})"]
    for name, check in model["formats"].items():
        if "skipped" in check:
            lines.append(f"          {name}: skipped, {check['skipped']}")
        else:
            lines.append(f"          {name}: differs by at most {check['max_abs_difference']:.1e}")
    return [*lines, f"          python -m zmodel.predict {folder / 'model'} FILE.npz"]
