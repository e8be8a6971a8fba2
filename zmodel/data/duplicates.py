"""Samples that occur in two parts of a data set: what was learned by heart then counts."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)


def shared_samples(a: NDArray, b: NDArray) -> list[tuple[int, int]]:
    """Index pairs (in a, in b) of equal samples, one for every such sample of b."""
    places = {sample.tobytes(): i for i, sample in reversed(list(enumerate(a)))}
    found = ((places.get(sample.tobytes()), j) for j, sample in enumerate(b))
    return [(i, j) for i, j in found if i is not None]


def report_duplicates(where: str, a: NDArray, b: NDArray, *, fatal: bool) -> None:
    """Raises ValueError if `fatal`, else logs a warning, when `a` and `b` share samples."""
    pairs = shared_samples(np.ascontiguousarray(a), np.ascontiguousarray(b))
    if not pairs:
        return
    (i, j), n = pairs[0], len(b)
    message = (
        f"{where} must not share samples, found {len(pairs)} of {n} of the latter in the former "
        f"(the first: number {j} there equals number {i} here); drop the copies, keep them "
        "together by data.group_column, or accept them by data.duplicates=ignore."
    )
    if fatal:
        raise ValueError(message)
    log.warning(message)
