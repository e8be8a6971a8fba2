"""Equality of values that also compares types."""

from __future__ import annotations

from typing import Any


def same(a: Any, b: Any) -> bool:
    """Equal in value and in type, all the way down: `1`, `1.0`, `True` and `"1"` all differ."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        items = zip(a.items(), b.items(), strict=False)
        return len(a) == len(b) and all(same(k, m) and same(v, w) for (k, v), (m, w) in items)
    return bool(a == b or (a != a and b != b))
