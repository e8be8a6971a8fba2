"""The result of the final stage in sentences."""

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
            *prediction_sentences(summary),
            "",
            f"report    {folder / 'index.html'}",
            *_model(summary, folder),
        ]
    )


def _candidates(summary: dict[str, Any]) -> list[str]:
    racing = summary.get("race") is not None
    head = f"{'trial':>6}  {'validation':<17}  "
    head += f"{'seeds':>5}  {'compared':<8}  " if racing else ""
    lines = [f"{head}{'in the search':<13}  weights"]
    for c in summary["candidates"]:
        mark = "  <- winner" if c["trial"] == summary["winner"]["trial"] else ""
        if c["trial"] == (summary.get("baseline") or {}).get("trial"):
            mark = f"  baseline{mark}"
        mean, std = c["val_mean"], c["val_std"]
        value = "-" if mean is None else f"{number(mean)} ± {number(std)}"
        if racing:
            score = "-" if c["score"] is None else number(c["score"])
            value = f"{value:<17}  {len(c['values']):>5}  {score:<8}"
        weights = f"{c['parameters']:,}" if c["parameters"] else "-"
        failed = f"  {len(c['failed'])} runs failed" if c["failed"] else ""
        found = number(c["search_value"])
        lines.append(f"{c['trial']:>6}  {value:<17}  {found:<13}  {weights}{failed}{mark}")
    return [*lines, *race_sentences(summary)]


def race_sentences(summary: dict[str, Any]) -> list[str]:
    """What the race took, and who is left in it; nothing where there was none."""
    race = summary.get("race")
    if race is None:
        return []
    rest = [str(c["trial"]) for c in summary["candidates"] if c["able"] and c["values"]]
    text = (
        f"The race took {race['runs']} runs. Candidates are compared as if all had run with the "
        "same seeds, the search as one of them"
    )
    left = [trial for trial in rest if trial != str(summary["winner"]["trial"])]
    told = f"trial {left[0]}" if len(left) == 1 else f"trials {', '.join(left)}"
    ending = (
        f"{told} cannot be distinguished from the winner at {race['confidence']:.0%}."
        if left
        else f"all others are worse at {race['confidence']:.0%}."
    )
    return [f"{text}: {ending}"]


def test_sentence(summary: dict[str, Any]) -> str:
    """Mean, spread and interval of the winner's test score."""
    winner, n = summary["winner"], summary["n"]
    who = f"trial {winner['trial']}"
    if winner["retrained_epochs"]:
        epochs = winner["retrained_epochs"]
        who += f", retrained on training and validation samples for {epochs} epochs"
    score = summary["score"]
    if score is None:
        metric = summary["metric"].removeprefix("val/").removesuffix("_best")
        return f"No test score of the winner ({who}): the module logs no test/{metric}."
    text = f"Test {word(score)} of the winner ({who}): {number(score['mean'])}"
    if score["ci"]:
        low, high = score["ci"]
        text += (
            f" on average over {n} seeds, standard deviation {number(score['std'])}, "
            f"95 % interval of the mean {number(low)} to {number(high)}"
        )
    return text + "."


def word(score: dict[str, Any]) -> str:
    """The metric of a score as people say it."""
    name = str(score["metric"]).removeprefix("test/")
    return "accuracy" if name == "acc" else name


def number(value: float) -> str:
    """Four decimals, or four digits of what is larger than 10."""
    return (
        f"{value:.4f}"
        if abs(value) < 10
        else f"{value:,.4g}"
        if abs(value) < 1e4
        else f"{value:,.0f}"
    )


def optimism_sentences(summary: dict[str, Any]) -> list[str]:
    """How much of the search's best value was luck; nothing when the test has another metric."""
    gap = summary["optimism"]
    if gap is None:
        return []
    best, winner = summary["best_validation_of_search"], summary["winner"]
    score = summary["score"]
    text = (
        f"The search's best validation value, {number(best)}, is the best of "
        f"{summary['completed_trials_of_search']} noisy numbers: the winner reaches "
        f"{number(winner['val_mean'])} on validation with new seeds"
    )
    if winner["trial"] != summary["candidates"][0]["trial"]:
        text += f" ({number(winner['search_value'])} in the search)"
    if gap <= 0:
        return [f"{text}, and the test gives no less. The search was not optimistic."]
    low, high = score["ci"] or (best, best)
    size = ", within the spread of the seeds" if score["ci"] and low <= best <= high else ""
    said = f"The search was {number(gap)} too optimistic{size}: quote the test {word(score)}."
    return [f"{text}. {said}"]


def prediction_sentences(summary: dict[str, Any]) -> list[str]:
    """What the predictions of classes, or of values, show; or why there are none."""
    if summary["unpredicted"]:
        return [f"No predictions were kept: {summary['unpredicted']}."]
    if summary["values"]:
        return [*_intervals(summary["values"]), *_worst(summary["values"])]
    return [*_confusions(summary), _calibration(summary)]


def _intervals(values: dict[str, Any]) -> list[str]:
    told = [
        f"{name} {number(s['mean'])} ({number(s['ci'][0])} to {number(s['ci'][1])})"
        for name, s in values["scores"].items()
    ]
    return [f"With other seeds and other samples, 95 %: {', '.join(told)}."]


def _worst(values: dict[str, Any]) -> list[str]:
    told = [
        f"number {w['sample']} ({number(w['predicted'])} for {number(w['true'])})"
        for w in values["worst"][:3]
    ]
    return [f"Furthest off: {', '.join(told)}."]


def baseline_sentences(summary: dict[str, Any]) -> list[str]:
    """What the search gained over the configuration as composed; nothing without a baseline."""
    found = summary.get("baseline")
    if not found:
        return []
    text = (
        f"Trial {found['rival']}, the best of the search here, is {number(found['gain'])} better "
        f"than the baseline (trial {found['trial']}) on validation with the same {found['n']} seeds"
    )
    if not found["gain_ci"]:
        return [f"{text}."]
    low, high = found["gain_ci"]
    text += f", 95 % interval {number(low)} to {number(high)}"
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
    return [*lines, f"          python -m zmodel.predict {folder / 'model'} {model['takes']}"]
