"""The result of the final stage in sentences."""

from __future__ import annotations

from typing import Any

from zmodel.analysis.statistics.noise import over_samples
from zmodel.core.objective import counterpart_in_test


def left_sentences(summary: dict[str, Any]) -> list[str]:
    """Who cannot win whatever it reaches, and why."""
    told = []
    for c in summary["candidates"]:
        if c.get("broken"):
            told.append(
                f"Trial {c['trial']} is out: with new seeds it breaks a constraint of the study, "
                f"{', '.join(c['broken'])}."
            )
        if c["failed"]:
            runs = "a run" if len(c["failed"]) == 1 else f"{len(c['failed'])} runs"
            told.append(f"Trial {c['trial']} is out: {runs} failed ({c['failed'][0]}).")
    return told


def race_sentences(summary: dict[str, Any]) -> list[str]:
    """What the race took, and who is left in it; nothing where there was none."""
    race = summary.get("race")
    if race is None:
        return []
    rest = [str(c["trial"]) for c in summary["candidates"] if c["able"] and c["values"]]
    text = (
        f"The race took {race['runs']} runs. The column compared estimates each candidate's mean "
        "over the same seeds, of which the search counts as one"
    )
    left = [trial for trial in rest if trial != str(summary["winner"]["trial"])]
    told = f"trial {left[0]}" if len(left) == 1 else f"trials {', '.join(left)}"
    level = f"{race['confidence']:.0%}"
    standing = [c for c in summary["candidates"] if c["able"] is not None]
    others = "all others" if len(standing) == len(summary["candidates"]) else "others that can win"
    if left:
        ending = f"{told} cannot be distinguished from the winner at {level}."
    elif len(standing) > 1:
        ending = f"{others} are worse at {level}, each judged alone."
    else:
        ending = "no other candidate can win."
    return [f"{text}: {ending}"]


def headline_of(summary: dict[str, Any]) -> str:
    """The test score of the winner with its interval, short."""
    winner, score = summary["winner"]["trial"], summary["score"]
    own = winner == (summary.get("baseline") or {}).get("trial")
    who = f"trial {winner}, the baseline" if own else f"trial {winner}"
    if score is None:
        return f"Final model: {who}. Its test has no score."
    text = f"Final model: test {word(score)} {number(score['mean'])}"
    if score["ci"]:
        low, high = score["ci"]
        text += f" over {summary['n']} runs, 95 % interval {number(low)} to {number(high)}"
    return f"{text} ({who})."


def test_sentence(summary: dict[str, Any]) -> str:
    """Mean, spread and interval of the winner's test score."""
    winner, n = summary["winner"], summary["n"]
    who = f"trial {winner['trial']}"
    if winner["retrained_epochs"]:
        epochs = winner["retrained_epochs"]
        who += f", retrained on training and validation samples for {epochs} epochs"
    score = summary["score"]
    if score is None:
        wanted = counterpart_in_test(summary["metric"])
        return (
            f"No test score of the winner ({who}): the module logs no {wanted}. Log it in "
            "test_step, move final/test and final/summary.json away, and repeat the command."
        )
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
    sign = 1 if gap == 0 or gap * (best - score["mean"]) > 0 else -1
    lost = sign * (winner["val_mean"] - score["mean"])
    if lost <= 0:
        return [f"{text}, and the test is no worse."]
    low, high = _noise(summary)
    said = "as much as" if low <= winner["val_mean"] <= high else "more than"
    return [
        f"{text}. The test is {number(lost)} worse than that, {said} seeds and test samples "
        f"explain: quote the test {word(score)}."
    ]


def _noise(summary: dict[str, Any]) -> tuple[float, float]:
    """Where the mean of the test lies at 95 %, over seeds and, for an accuracy, test samples."""
    score, matrix = summary["score"], summary.get("confusion_matrix") or {}
    low, high = score["ci"] or (score["mean"],) * 2
    if score["metric"] != "test/acc":
        return low, high
    samples = sum(map(sum, matrix.get("counts", ()))) / summary["n"]
    return over_samples(score["mean"], low, high, round(samples))


def prediction_sentences(summary: dict[str, Any]) -> list[str]:
    """What the predictions of classes, or of values, show; or why there are none."""
    if summary["unpredicted"]:
        return [f"Predictions are not judged: {summary['unpredicted']}."]
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
    worse = "better" if found["gain"] >= 0 else "worse"
    seeds = "one new seed" if found["n"] == 1 else f"the same {found['n']} new seeds"
    text = (
        f"Trial {found['rival']}, the best other candidate, is {number(abs(found['gain']))} "
        f"{worse} than the baseline (trial {found['trial']}) on validation with {seeds}"
    )
    if not found["gain_ci"]:
        return [f"{text}."]
    low, high = found["gain_ci"]
    text += f", 95 % interval of the gain {number(low)} to {number(high)}"
    if high < 0:
        return [f"{text}: the search has found nothing as good as what it began with."]
    if found["gain"] <= 0:
        return [f"{text}: no gain can be seen, so keep the configuration that you had."]
    return [f"{text}." if low > 0 else f"{text}: that may be chance."]


def _confusions(summary: dict[str, Any]) -> list[str]:
    pairs = [
        f"{p['true']} taken for {p['predicted']} ({p['share']:.1%})"
        for p in summary["most_confused"][:3]
    ]
    return [f"Most confused: {', '.join(pairs)}."] if pairs else ["No test sample was mistaken."]


def _calibration(summary: dict[str, Any]) -> str:
    return f"Expected calibration error {summary['calibration']['ece']:.4f}."
