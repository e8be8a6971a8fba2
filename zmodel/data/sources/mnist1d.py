"""MNIST-1D: ten kinds of noisy signals of 40 numbers, generated here.

Greydanus & Kobak, "Scaling Down Deep Learning with MNIST-1D", ICML 2024.
"""

from __future__ import annotations

import numpy as np

from zmodel.data.arrays import Arrays
from zmodel.data.base import InMemoryData
from zmodel.data.cache import Named, cached


class MNIST1D(InMemoryData):
    """4,000 training and 1,000 test signals (1, 40), the paper's own split and seed.

    Made once by the authors' package, without a download, and kept in data_dir/mnist1d.npz.
    """

    class_names = tuple(str(digit) for digit in range(10))

    def load_train(self) -> Arrays:
        return self._arrays("x", "y")

    def load_test(self) -> Arrays:
        return self._arrays("x_test", "y_test")

    def _arrays(self, x: str, y: str) -> Arrays:
        arrays = cached(self.data_dir / "mnist1d.npz", _generate)
        return Arrays(arrays[x][:, None, :], arrays[y])


def _generate() -> Named:
    # imported here: it brings matplotlib and requests along, and is needed once
    from mnist1d.data import get_dataset_args, make_dataset

    made = make_dataset(get_dataset_args())
    return {
        **{name: made[name].astype(np.float32) for name in ("x", "x_test")},
        **{name: made[name].astype(np.int64) for name in ("y", "y_test")},
    }
