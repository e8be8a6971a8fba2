"""The result of the final stage in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zmodel.analysis.rules.suggested_commands import predict_with
from zmodel.final.sentences import (
    baseline_sentences,
    left_sentences,
    number,
    optimism_sentences,
    prediction_sentences,
    race_sentences,
    test_sentence,
)
from zmodel.study.plain_text import in_lines, terminal_width


def for_terminal(summary: dict[str, Any], folder: Path) -> str:
    """Several lines for the terminal, from the content of summary.json."""
    said = [
        *race_sentences(summary),
        *left_sentences(summary),
        "",
        test_sentence(summary),
        *optimism_sentences(summary),
        *baseline_sentences(summary),
        *prediction_sentences(summary),
    ]
    width = terminal_width() - 1
    return "\n".join(
        [
            *_candidates(summary),
            *(line for sentence in said for line in in_lines([sentence], width) or [""]),
            "",
            f"report    {folder / 'index.html'}",
            *_model(summary, folder),
        ]
    )


def _candidates(summary: dict[str, Any]) -> list[str]:
    racing = summary.get("race") is not None
    head = f"{'trial':>6}  {'validation':<15}  "
    head += f"{'seeds':>5}  {'compared':<8}  " if racing else ""
    lines = [f"{head}{'search':<8}  {'weights':>9}"]
    for c in summary["candidates"]:
        mean, std = c["val_mean"], c["val_std"]
        value = "-" if mean is None else number(mean)
        value += f" ± {number(std)}" if std else ""
        if racing:
            score = "-" if c["score"] is None else number(c["score"])
            value = f"{value:<15}  {len(c['values']):>5}  {score:<8}"
        weights = f"{c['parameters']:,}" if c["parameters"] else "-"
        found, marks = number(c["search_value"]), ", ".join(_marks(summary, c))
        line = f"{c['trial']:>6}  {value:<15}  {found:<8}  {weights:>9}  {marks}"
        lines.append(line.rstrip())
    return lines


def _marks(summary: dict[str, Any], candidate: dict[str, Any]) -> list[str]:
    """What a reader looks for in the list of candidates."""
    marks = ["winner"] if candidate["trial"] == summary["winner"]["trial"] else []
    if candidate["trial"] == (summary.get("baseline") or {}).get("trial"):
        marks.append("baseline")
    return marks + (["out"] if candidate["failed"] or candidate.get("broken") else [])


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
    return [*lines, f"          {predict_with(folder / 'model', model['takes'])}"]
