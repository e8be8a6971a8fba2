"""Where the shipped configuration lies."""

from __future__ import annotations

from pathlib import Path

_ROOM = Path(__file__).parent.parent
CONF = str(next((p for p in (_ROOM / "conf", _ROOM.parent / "conf") if p.is_dir()), _ROOM / "conf"))
"""Inside the package once installed, beside it in a checkout."""
