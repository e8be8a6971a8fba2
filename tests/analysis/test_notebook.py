"""The notebook runs from top to bottom, is kept with its outputs, and installs what exists."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "zlayers.ipynb"
CELLS = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]


def run(cells: list[dict[str, Any]]) -> int:
    """How many figures the cells show."""
    space: dict[str, Any] = {"__name__": "__main__"}
    figures = 0
    for cell in cells:
        tree = ast.parse("".join(cell["source"]), cell["id"])
        shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), space)
        if shown is not None:
            result = eval(compile(ast.Expression(shown.value), cell["id"], "eval"), space)
            figures += isinstance(result, Figure)
    return figures


def is_slow(cell: dict[str, Any]) -> bool:
    return "slow" in cell["metadata"].get("tags", ())


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """No study of this machine may change what is tested."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_cell_of_the_notebook_runs(elsewhere, capsys):
    assert run([c for c in CELLS if not is_slow(c)]) == 7
    said = capsys.readouterr().out
    assert "alarm    underexplored" in said and "5 overtakes 1 at epoch" in said
    assert "no study yet" in said
    kept = "".join(
        "".join(o.get("text", "")) for c in CELLS if not is_slow(c) for o in c["outputs"]
    )
    verdict = re.compile(r"^(?:alarm|warning|note|ok) +\w+(?=:)", re.MULTILINE)
    assert verdict.findall(said) == verdict.findall(kept), "CONTRIBUTING says how to run it again"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_two_commands_of_the_notebook_share_a_study(elsewhere, capsys):
    started = [c for c in CELLS if c["id"] in ("colab1", "truth1") or is_slow(c)]
    assert run(started) == 1
    said = capsys.readouterr().out
    assert "command 1, exit code 0" in said and "command 2, exit code 0" in said
    workers = [line.split()[1] for line in said.splitlines() if line.split()[1:2] and "-" in line]
    assert sum(int(n) for n in workers if n.isdigit()) == 30


def test_the_notebook_is_kept_with_its_outputs():
    kinds = [kind for c in CELLS for out in c["outputs"] for kind in out.get("data", {})]
    assert kinds.count("image/png") == 8
    texts = [out for c in CELLS for out in c["outputs"] if out["output_type"] != "execute_result"]
    assert all(out["output_type"] == "stream" and out["name"] == "stdout" for out in texts)
    assert [c["execution_count"] for c in CELLS] == list(range(1, len(CELLS) + 1))


INSTALL = "".join(next(c for c in CELLS if c["id"] == "colab1")["source"])


def test_what_is_installed_already_is_left_alone(elsewhere, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("zmodel is installed"))
    exec(INSTALL, {})


@pytest.mark.parametrize("beside", ["zmodel-0.1.0-py3-none-any.whl", "uploaded"])
def test_a_wheel_beside_the_notebook_or_an_uploaded_one_is_installed(
    elsewhere, monkeypatch, beside
):
    commands: list[list[str]] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    if beside == "uploaded":
        files = SimpleNamespace(upload=lambda: {"zmodel.zip": b""})
        monkeypatch.setitem(sys.modules, "google", SimpleNamespace())
        monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(files=files))
        beside = "zmodel.zip"
    else:
        Path(beside).touch()
    exec(INSTALL, {})
    assert commands == [[sys.executable, "-m", "pip", "install", "--quiet", beside]]


def test_without_anything_to_install_the_notebook_says_what_it_needs(elsewhere, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="wheel or a zip"):
        exec(INSTALL, {})
