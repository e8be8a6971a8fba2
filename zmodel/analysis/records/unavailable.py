"""What a diagnostic raises when this study does not hold the data it needs."""

from __future__ import annotations


class Unavailable(ValueError):
    """The reason, one plain sentence without a full stop; shown where the figure would be."""
