"""1,797 handwritten digits of 8x8 pixels, shipped with scikit-learn.

Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998 (its test set).
"""

from __future__ import annotations

import numpy as np

from zmodel.data.arrays import Arrays
from zmodel.data.base import InMemoryData
from zmodel.data.drawn_split import stratified_split


class Digits(InMemoryData):
    """Images (1, 8, 8) with values 0..16. A fifth of every class, always the same, is the test."""

    class_names = tuple(str(digit) for digit in range(10))

    def load_train(self) -> Arrays:
        return _part(0)

    def load_test(self) -> Arrays:
        return _part(1)


def _part(index: int) -> Arrays:
    from sklearn.datasets import load_digits  # 1 s to import

    made = load_digits()
    x, y = made.images.astype(np.float32)[:, None], made.target.astype(np.int64)
    chosen = stratified_split(y, fraction=0.2, seed=0)[index]
    return Arrays(x[chosen], y[chosen])
