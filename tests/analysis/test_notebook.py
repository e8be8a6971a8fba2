"""The notebook runs from top to bottom."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "zlayers.ipynb"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_cell_of_the_notebook_runs(tmp_path, monkeypatch, capsys):
    matplotlib.use("Agg")
    # no study of this machine may change what is tested
    monkeypatch.chdir(tmp_path)
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    space: dict[str, Any] = {}
    figures = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        assert not cell["outputs"], "outputs are not kept in version control"
        tree = ast.parse("".join(cell["source"]), cell["id"])
        shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), space)
        if shown is not None:
            result = eval(compile(ast.Expression(shown.value), cell["id"], "eval"), space)
            figures += isinstance(result, Figure)
    said = capsys.readouterr().out
    assert figures == 6
    assert "alarm    underexplored" in said and "5 overtakes 1 at epoch" in said
    assert "no study yet" in said


def test_in_colab_the_package_is_installed_once(monkeypatch):
    code = next(c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["id"] == "colab1")
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    monkeypatch.setitem(sys.modules, "google.colab", object())
    exec("".join(code["source"]), {})
    assert not commands, "zmodel is installed here"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    exec("".join(code["source"]), space := {})
    assert commands == [[sys.executable, "-m", "pip", "install", "--quiet", space["SOURCE"]]]
