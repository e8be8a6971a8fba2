"""What the page and the sentences of the final stage say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from zmodel.final import page
from zmodel.final.figures import confusion
from zmodel.final.sentences import race_sentences


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
