"""Checks names that become folders."""

from __future__ import annotations

import unicodedata

LONGEST = 200  # bytes: file systems allow 255, and the name becomes part of other names


def folder_name(name: object, what: str = "a name", key: str = "study_name") -> str:
    """`name` itself; ValueError when it is not the name of one folder, such as `../x`.

    A number is none: `2024_01` without quotes is read as 202401, which nobody wrote.
    """
    if not isinstance(name, str):
        raise ValueError(f"{what} must be text, got {name!r}; write it in quotes: {key}: '...'")
    problem = _problem(name)
    if problem:
        raise ValueError(
            f"{what} must be that of one folder, but {name!r} {problem}; "
            f"give another one with {key}=NAME"
        )
    return name


def _problem(name: str) -> str | None:
    if not name or name in (".", ".."):
        return "is none"
    if "/" in name or "\\" in name:
        return "contains a path separator"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return "contains a control character"
    if name.startswith("-"):
        return "starts with '-' and would be taken for an option"
    if name != name.strip():
        return "starts or ends with a space"
    if len(name.encode()) > LONGEST:
        return f"has more than {LONGEST} bytes"
    return None
