"""TensorBoard's event files, written every few seconds instead of after each epoch."""

from __future__ import annotations

import time
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only


class EventFiles(TensorBoardLogger):
    """Lightning's logger; waiting for the disk after every epoch costs small networks 1 %.

    Args:
        every: least seconds between two writes; all is written at the end of a run.
    """

    def __init__(self, *args: Any, every: float = 10.0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.every = every
        self._written = 0.0

    @rank_zero_only
    def save(self) -> None:
        now = time.monotonic()
        if now - self._written >= self.every:
            self._written = now
            super().save()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self._written = 0.0
        super().finalize(status)
