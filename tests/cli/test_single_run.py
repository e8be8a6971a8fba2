"""One run takes one value per key."""

from __future__ import annotations

import pytest

from zmodel.cli.command import written_out


@pytest.mark.parametrize(
    "word", ["a.b=int(interval(8,16))", "a=8,16", "a=range(1,5)", "a=choice(null,1)", "+a=x,y"]
)
def test_several_values_are_answered_with_the_study_they_are_for(word):
    with pytest.raises(ValueError, match="hparams_search=zlayers .*a") as told:
        written_out([word])
    assert 'zmodel.sweep("zlayers"' in str(told.value)
    assert len(written_out(["-m", word])) == 2


def test_one_value_passes_and_studies_are_a_list():
    given = ["a=[8,16]", "a='8,16'", "a=b", "~a", "--cfg", "job", "a={b:1,c:2}"]
    assert written_out(given) == given
    with pytest.raises(ValueError, match=r"study=\[a,b\]"):
        written_out(["study=a,b"])
