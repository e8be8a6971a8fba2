"""Gives back what a failed run held."""

from __future__ import annotations

import gc
import sys


def release_memory() -> None:
    """After a failure: what the dead run held, on the host and on the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
