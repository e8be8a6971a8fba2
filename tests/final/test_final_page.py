"""What the page and the sentences of the final stage say."""

from __future__ import annotations

import html
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zmodel.final import page
from zmodel.final.figures import confusion
from zmodel.final.sentences import (
    baseline_sentences,
    headline_of,
    left_sentences,
    optimism_sentences,
    race_sentences,
)
from zmodel.final.terminal import for_terminal


@pytest.mark.parametrize(("wrong", "drawn"), [(2, False), (20, True)])
def test_few_mistakes_are_a_sentence_and_no_picture(tmp_path, wrong, drawn):
    counts = np.array([[50.0, wrong], [0.0, 50.0]])
    winner = SimpleNamespace(trial=3)
    result: Any = SimpleNamespace(winner=winner, counts=counts, classes=("a", "b"), folder=tmp_path)
    made = page._figure(result, confusion)
    assert ("a taken for b (2)" in made) is not drawn
    assert ("<svg" in made) is drawn
    assert (tmp_path / "figures" / "final-confusion.png").is_file() is drawn


def racing(*able: bool) -> dict[str, Any]:
    every = [{"trial": i, "able": a, "values": {"1": 0.9}} for i, a in enumerate(able)]
    return {"race": {"runs": 9, "confidence": 0.9}, "winner": {"trial": 0}, "candidates": every}


@pytest.mark.parametrize(
    ("able", "named"),
    [
        ((True, False, False), "all others are worse at 90%"),
        ((True, False, True), "trial 2 cannot be distinguished"),
        ((True, True, True), "trials 1, 2 cannot be distinguished"),
    ],
)
def test_a_race_says_who_is_left_in_it(able, named):
    (text,) = race_sentences(racing(*able))
    assert "9 runs" in text and named in text
    assert race_sentences({**racing(*able), "race": None}) == []


def summary_with(
    mean: float = 0.80, ci: tuple[float, float] = (0.79, 0.81), **more: Any
) -> dict[str, Any]:
    """A summary of three candidates; the second broke a limit, the third lost a run."""
    blank = {"val_mean": None, "val_std": None, "parameters": None, "values": {}, "able": None}
    every = [
        {"trial": 4, "search_value": 0.9, "val_mean": 0.82, "val_std": 0.01, "parameters": 1234,
         "values": {"1": 0.81, "2": 0.83}, "score": 0.82, "able": True, "failed": [], "broken": []},
        {**blank, "trial": 5, "search_value": 0.89, "score": None, "failed": [],
         "broken": ["parameters 9,000 (<= 5000)"]},
        {**blank, "trial": 6, "search_value": 0.88, "score": None, "failed": ["OSError"],
         "broken": [], "values": {"1": 0.7}, "val_mean": 0.7, "parameters": 10},
    ]  # fmt: skip
    return {
        "study": "s", "n": 2, "race": {"runs": 5, "confidence": 0.9}, "candidates": every,
        "winner": {**every[0], "retrained_epochs": None, "tests": []}, "metric": "val/acc_best",
        "score": {"metric": "test/acc", "mean": mean, "std": 0.01, "ci": list(ci)},
        "optimism": 0.9 - mean, "best_validation_of_search": 0.9, "completed_trials_of_search": 9,
        "baseline": {"trial": 4, "rival": 6, "n": 1, "gain": -0.12, "gain_ci": None},
        "confusion_matrix": {"counts": [[40, 10], [10, 40]]}, "unpredicted": "none", "values": None,
        "per_class": None, "model": None, **more,
    }  # fmt: skip


def test_who_broke_a_limit_or_failed_stands_on_the_page_and_in_the_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    summary = summary_with()
    broken, lost = left_sentences(summary)
    assert "Trial 5" in broken and "parameters 9,000 (<= 5000)" in broken
    assert "Trial 6" in lost and "OSError" in lost
    text = for_terminal(summary, tmp_path)
    assert all(part in " ".join(text.split()) for part in (broken, lost))
    rows = {line.split()[0]: line for line in text.splitlines()[1:4]}
    assert rows["4"].endswith("winner, baseline") and rows["5"].endswith("out")
    assert "±" not in rows["6"], "one run has no spread"
    assert max(map(len, text.splitlines()[:-2])) < 80
    assert "/long" * 30 in for_terminal({**summary, "unpredicted": "/long" * 30}, tmp_path)
    shown = page._result(summary, "python train.py")
    assert (
        broken.replace("<", "&lt;") in shown
        and "<td" in shown
        and "9,000 (&lt;= 5000)</td>" in shown
    )
    assert "no other candidate can win" in race_sentences(summary)[0]
    more = [*summary["candidates"], {"trial": 9, "able": False, "values": {}}]
    assert "others that can win are worse" in race_sentences({**summary, "candidates": more})[0]


def test_the_command_that_predicts_can_be_copied_from_page_and_terminal(tmp_path):
    folder = tmp_path / "a study"
    model = {"seed": 1, "formats": {}, "takes": "FILE.csv"}
    words = shlex.split(for_terminal(summary_with(model=model), folder).splitlines()[-1])
    assert words[:3] == ["python", "-m", "zmodel.predict"] and words[4:] == ["FILE.csv"]
    assert Path(words[3]).resolve() == folder / "model"
    assert html.escape(shlex.join(words)) in page._model(model, folder)


def test_a_loss_to_the_baseline_is_called_worse():
    (said,) = baseline_sentences(summary_with())
    assert "0.1200 worse than the baseline (trial 4)" in said and "one new seed" in said
    assert headline_of(summary_with()).endswith("0.7900 to 0.8100 (trial 4, the baseline).")


@pytest.mark.parametrize(
    ("mean", "ci", "said"),
    [
        (0.80, (0.79, 0.81), "as much as"),
        (0.60, (0.59, 0.61), "more than"),
        (0.83, (0.82, 0.84), "no worse"),
    ],
)
def test_what_the_test_lost_is_compared_with_seeds_and_samples(mean, ci, said):
    assert said in optimism_sentences(summary_with(mean, ci))[0]
    assert (
        "in the search"
        in optimism_sentences(
            summary_with(mean, ci, winner={"trial": 6, "search_value": 0.9, "val_mean": 0.82})
        )[0]
    )


def test_a_loss_that_is_larger_on_the_test_is_called_worse():
    summary = summary_with(0.3, (0.2, 0.4))  # of a loss: the best is the least
    summary["optimism"], summary["best_validation_of_search"] = 0.2, 0.1
    summary["winner"]["val_mean"] = 0.25
    assert "The test is 0.0500 worse than that, as much as" in optimism_sentences(summary)[0]
    summary["winner"]["val_mean"] = 0.35
    assert "the test is no worse" in optimism_sentences(summary)[0]
