"""Files, functions and folders stay small, and each says what it is for."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "zmodel").rglob("*.py"))
MOST_LINES, MOST_IN_FUNCTION, MOST_FILES = 250, 40, 17


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_files_and_functions_are_short(file: Path):
    text = file.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno < MOST_IN_FUNCTION, node.name


def test_folders_are_small_and_say_what_belongs_there():
    for folder, count in Counter(file.parent for file in FILES).items():
        assert count <= MOST_FILES, folder
        if folder.name != "zmodel":
            assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


def test_nothing_loose_lies_beside_the_commands():
    names = {file.name for file in FILES if file.parent.name == "zmodel"}
    assert names == {"__init__.py", "train.py", "analyze.py", "predict.py"}


def test_names_of_test_files_are_unique():
    """pytest imports them by name alone."""
    names = Counter(file.name for file in (ROOT / "tests").rglob("*.py"))
    assert not [name for name, count in names.items() if count > 1]
