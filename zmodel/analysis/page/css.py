"""The page's style sheet: the colours of both themes and assets/page.css."""

from __future__ import annotations

from importlib.resources import files

from zmodel.analysis.page.style import THEMED

PAGE_DARK = {
    "paper": "#0d1117", "card": "#161b22", "line": "#30363d", "text": "#e6edf3",
    "soft": "#9da7b1", "link": "#79b8ff", "code": "#1c2330",
    "ok": "#4ac26b", "note": "#79b8ff", "warning": "#e3b341", "alarm": "#ff8a80",
    "ok-bg": "#10231a", "note-bg": "#0f1d30", "warning-bg": "#2a2110", "alarm-bg": "#2f1514",
    "is-dark": "1",
}  # fmt: skip


def style_sheet() -> str:
    """CSS: light by default, dark when the system or the reader asks for it, light in print."""
    light = _variables({name: day for name, day, _ in THEMED.values()} | {"is-dark": "0"})
    dark = _variables({name: night for name, _, night in THEMED.values()} | PAGE_DARK)
    return "\n".join(
        [
            asset("page.css"),
            f":root {{ {light} }}",
            "@media screen and (prefers-color-scheme: dark) "
            f'{{ :root:not([data-theme="light"]) {{ {dark} color-scheme: dark; }} }}',
            f'@media screen {{ :root[data-theme="dark"] {{ {dark} color-scheme: dark; }} }}',
            ':root[data-theme="light"] { color-scheme: light; }',
        ]
    )


def asset(name: str) -> str:
    """The text of a file in assets/."""
    return (files("zmodel.analysis.page") / "assets" / name).read_text(encoding="utf-8")


def _variables(values: dict[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in values.items())
