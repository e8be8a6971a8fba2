"""Finds samples that occur in two parts of a data set.

What was memorised would count as learned.
"""

from __future__ import annotations

import hashlib
import logging

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)


def shared_samples(a: NDArray, b: NDArray) -> list[tuple[int, int]]:
    """Index pairs (in a, in b) of equal samples, one for every such sample of b.

    Compared in the coarser of their types.
    """
    coarser = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    a, b = a.astype(coarser, copy=False), b.astype(coarser, copy=False)
    places = {key: i for i, key in reversed(list(enumerate(_digests(a))))}
    found = ((places.get(key), j) for j, key in enumerate(_digests(b)))
    return [(i, j) for i, j in found if i is not None]


def report_shared(where: str, a: NDArray, b: NDArray, *, fatal: bool) -> None:
    """Raises ValueError if `fatal`, else logs a warning, when `a` and `b` share samples."""
    pairs = shared_samples(a, b)
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


def _digests(x: NDArray) -> list[bytes]:
    samples = np.ascontiguousarray(x)
    return [hashlib.blake2b(sample.data, digest_size=16).digest() for sample in samples]
