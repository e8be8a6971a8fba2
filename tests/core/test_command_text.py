from __future__ import annotations

import shlex

import pytest

from zmodel.core.command_text import command_text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("study_name='a b'", "\"study_name='a b'\""),
        ("tags=[a,b]", "'tags=[a,b]'"),
        ("+folder=${paths.output_dir}", "'+folder=${paths.output_dir}'"),
        ("trainer.max_epochs=5", "trainer.max_epochs=5"),
    ],
)
def test_a_command_is_quoted_as_one_would_type_it(word: str, text: str) -> None:
    assert command_text(["python", word]) == f"python {text}"


@pytest.mark.parametrize("word", ["a'$(b)'", "a'`b`'", "a'\"'", "a'\\'", "a'!b'", "", "a\n'b'"])
def test_the_shell_reads_exactly_the_words(word: str) -> None:
    assert shlex.split(command_text(["x", word])) == ["x", word]
