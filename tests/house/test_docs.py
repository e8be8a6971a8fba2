"""The documentation builds with every link and anchor checked, and its claims hold."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sweeper_page
from architecture import PAGE, README, ROOT, current, summary
from documents import blocks


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="extra [docs] is absent")
def test_the_pages_build_and_their_links_lead_somewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tutorial" / "index.html").is_file()


@pytest.mark.parametrize("path", [README, PAGE], ids=lambda p: p.name)
def test_lists_of_files_and_imports_are_current(path: Path):
    assert path.read_text() == current(path), "run: make docs"


MODULES = sorted((ROOT / "zmodel").rglob("*.py"))


def test_the_first_line_of_a_module_is_a_sentence_that_an_index_can_show():
    for file, text in ((file, summary(file)) for file in MODULES):
        assert text.endswith((".", "?")) and len(text) <= 79, f"{file.relative_to(ROOT)}: {text!r}"


def test_every_setting_of_the_sweeper_is_described_on_its_page():
    assert sweeper_page.PAGE.read_text() == sweeper_page.page(), "run: make docs"
    settings = sweeper_page.rows(sweeper_page.SETTINGS.read_text())
    assert settings and all(text for _, _, text in settings)


def test_links_outside_the_pages_lead_to_files():
    for document in [README, ROOT / "CONTRIBUTING.md", *ROOT.glob("examples/*/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


YOURS = "conf/local/"
"""What documents leave to the reader."""


@pytest.mark.parametrize(
    "document",
    [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
    ids=lambda d: str(d.relative_to(ROOT)),
)
def test_files_that_documents_name_exist(document: Path):
    folders = "zmodel|conf|tests|tools|benchmarks|examples|docs"
    written = {block.title for block in blocks(document)}
    for name in re.findall(rf"\b(?:{folders})/[\w/.-]+\.(?:py|yaml|md)\b", document.read_text()):
        if name not in written and not name.startswith(YOURS):
            assert (ROOT / name).is_file(), name


@pytest.mark.parametrize(
    ("file", "functions"),
    [
        ("run/result.py", ("describe", "validation", "allowance")),
        ("analysis/summary.py", ("summarize", "_parts", "_best")),
        ("final/summary.py", ("summary",)),
    ],
)
def test_every_key_of_a_result_is_on_the_page_of_files(file: str, functions: tuple[str, ...]):
    page = (ROOT / "docs" / "reference" / "files.md").read_text()
    tree = ast.parse((ROOT / "zmodel" / file).read_text())
    made = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.name in functions]
    assert len(made) == len(functions)
    for node in (node for f in made for node in ast.walk(f) if isinstance(node, ast.Dict)):
        for key in (key.value for key in node.keys if isinstance(key, ast.Constant)):
            assert f"`{key}`" in page, f"{file}: {key}"


def test_every_verdict_has_its_thresholds_on_a_page():
    page = (ROOT / "docs" / "reference" / "verdicts.md").read_text()
    files = list((ROOT / "zmodel" / "analysis" / "rules").rglob("*.py"))
    codes = {
        code for f in files for code in re.findall(r'^CODE = "(\w+)"', f.read_text(), re.MULTILINE)
    }
    assert len(codes) > 15
    missing = [code for code in sorted(codes) if f"| `{code}` |" not in page]
    assert not missing


def test_pages_that_code_names_exist():
    for folder in ("zmodel", "tools", "benchmarks", "conf"):
        for file in (f for f in (ROOT / folder).rglob("*") if f.suffix in (".py", ".yaml")):
            for name in re.findall(r"(?<![\w/.])docs/[\w/-]+\.md", file.read_text()):
                assert (ROOT / name).is_file(), f"{file.relative_to(ROOT)}: {name}"


def test_the_readme_is_short_and_has_a_picture():
    text = README.read_text()
    assert len(text.splitlines()) <= 150 and "![" in text


def test_sections_that_the_playbook_names_are_on_the_page_of_a_study():
    page = (ROOT / "docs" / "reference" / "playbook.md").read_text()
    files = (ROOT / "zmodel" / "analysis" / "diagnostics").rglob("*.py")
    titles = {t for f in files for t in re.findall(r'^TITLE = "(.+)"', f.read_text(), re.MULTILINE)}
    named = set(re.findall(r"(?<!\*)\*([A-Z][a-z -]+)\*(?!\*)", page))
    assert len(named) > 8 and not named - titles


def test_no_document_and_no_benchmark_names_a_folder_of_one_machine():
    folders = [ROOT / name for name in ("docs", "benchmarks", "conf", "notebooks", "examples")]
    files = [
        f for folder in folders for f in folder.rglob("*") if f.suffix in (".md", ".py", ".yaml")
    ]
    for file in [README, *files]:
        assert not re.search(r"(?<![\w.\]}])/(tmp|work|root|home)/", file.read_text()), file
