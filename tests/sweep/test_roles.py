"""Roles of the searched parameters: what a study refuses, and what it notes for the report."""

from __future__ import annotations

import pytest
from inline import Inline


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ("{x: fixed}", "take it out"),
        ("{epochs: scientific}", "search it too"),
        ("{x: main}", "nuisance"),
        ("[x]", "must be null or like"),
        ("{new: fixed}", r"\+new"),
    ],
)
def test_roles_that_contradict_the_search_are_refused(inline: Inline, roles, words):
    with pytest.raises(ValueError, match=words):
        inline.run(f"hydra.sweeper.roles={roles}", "+new=interval(0,1)")
    assert not inline.folder.exists()


def test_roles_are_noted_for_the_report(inline: Inline):
    roles = "hydra.sweeper.roles={x: nuisance, epochs: fixed, layers: scientific}"
    assert inline.run(roles, "hydra.sweeper.n_trials=2") == 0
    assert inline.study.user_attrs["roles"]["layers"] == "scientific"
