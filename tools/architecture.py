"""Writes the lists of files and imports in README and docs/reference/architecture.md.

python tools/architecture.py
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README, PAGE = ROOT / "README.md", ROOT / "docs" / "reference" / "architecture.md"
CLOSED = tuple(f.name for f in (ROOT / "zmodel").iterdir() if f.is_dir())
"""Folders of which README has one line; the page lists all."""
COLUMN = 27


def summary(file: Path) -> str:
    """The first line of a module's docstring, as plain text."""
    first = (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]
    return first.replace("`", "")


def lines(folder: Path, closed: tuple[str, ...], depth: int = 1) -> list[str]:
    """A line per module, folders after files."""
    indent, found = "  " * depth, []
    for file in sorted(folder.glob("*.py")):
        if file.name != "__init__.py":
            found.append(line(indent + file.name, summary(file)))
    for inner in sorted(p for p in folder.iterdir() if (p / "__init__.py").is_file()):
        found.append(line(f"{indent}{inner.name}/", summary(inner / "__init__.py")))
        if inner.name not in closed:
            found += lines(inner, closed, depth + 1)
    return found


def line(name: str, text: str) -> str:
    return f"{name:<{COLUMN}} {text.rstrip('.')}".rstrip()


def tree(closed: tuple[str, ...] = ()) -> str:
    return "\n".join(["```text", "zmodel/", *lines(ROOT / "zmodel", closed), "```"])


def imports() -> str:
    """The table of tools/rooms.py."""
    from rooms import TABLE

    rows = ["| room | may import, beside itself |", "|---|---|"]
    for room, below in TABLE.items():
        names = ", ".join(f"`{name}`" for name in TABLE if name in below)
        rows.append(f"| `{room}` | {names or 'nothing of zmodel'} |")
    return "\n".join(rows)


def replaced(text: str, mark: str, content: str) -> str:
    """`text` with what stands between `<!-- mark -->` and `<!-- end -->` replaced."""
    pattern = rf"(<!-- {mark} -->\n).*?(\n<!-- end -->)"
    assert re.search(pattern, text, re.S), mark
    return re.sub(pattern, lambda m: m[1] + content + m[2], text, flags=re.S)


def current(path: Path) -> str:
    """The document as it should be."""
    text = path.read_text()
    if path == README:
        return replaced(text, "files", tree(CLOSED))
    return replaced(replaced(text, "files", tree()), "imports", imports())


if __name__ == "__main__":
    for path in (README, PAGE):
        path.write_text(current(path))
