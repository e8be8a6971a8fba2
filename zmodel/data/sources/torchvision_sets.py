"""Classification data sets of torchvision.

CIFAR-10, Fashion-MNIST, MNIST and their relatives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zmodel.core.arguments import known
from zmodel.data.arrays import Arrays
from zmodel.data.base import InMemoryData
from zmodel.data.cache import Named, cached
from zmodel.data.files.labels import encode, find_classes
from zmodel.data.files.pixels import GRAY, channels, checked_size

PARTS: dict[str, tuple[str, Any, Any]] = {
    **{name: ("train", True, False) for name in ("MNIST", "FashionMNIST", "KMNIST", "EMNIST")},
    **{name: ("train", True, False) for name in ("QMNIST", "USPS", "CIFAR10", "CIFAR100")},
    **{name: ("split", "train", "test") for name in ("SVHN", "STL10", "GTSRB")},
    **{name: ("split", "trainval", "test") for name in ("OxfordIIITPet", "FGVCAircraft")},
}
"""Data sets of images with one label each: the argument that names the part, and its values for
training and test."""


class TorchvisionData(InMemoryData):
    """Images (1 or 3, height, width) with values 0..1, in the parts that the authors gave.

    name         one of PARTS, a class of torchvision.datasets
    options      further arguments of that class, such as {split: letters} for EMNIST
    download     fetch what is missing into data_dir; false: it must lie there
    image_size   [height, width] to resize to; null: all images must have one size

    Needs the package torchvision (extra `vision`), of the same build as torch, until a part has
    been decoded and kept in data_dir once. What the source itself loads is torchvision's affair:
    CIFAR's files are pickles, which it compares with their MD5 before it opens them. Raises
    ValueError that says what to install or fetch when the package or the network is missing.
    """

    def __init__(
        self,
        name: str,
        *,
        options: Mapping[str, Any] | None = None,
        download: bool = True,
        image_size: Sequence[int] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        known("data.name", name, PARTS)
        if not isinstance(options, Mapping | None):
            raise ValueError(
                f"data.options must hold names and values, received {options!r}; use for example "
                "data.options={split: letters}."
            )
        self.data_set, self.options, self.download = name, dict(options or {}), download
        self.image_size = checked_size(image_size)
        self._classes: tuple[str, ...] = ()
        self._labels = np.empty(0, dtype=np.int64)

    @property
    def source(self) -> str:
        return f"torchvision.datasets.{self.data_set}"

    @property
    def class_names(self) -> Sequence[str]:
        if not self._classes:
            self.setup("fit")
        return self._classes

    def load_train(self) -> Arrays:
        arrays = self._arrays("train")
        # numbered anew: the letters of EMNIST begin at 1
        self._labels = find_classes(self.source, arrays["y"], map_labels=True)
        names = arrays["names"]
        self._classes = tuple(str(names[i] if i < len(names) else i) for i in self._labels)
        return self._encoded(arrays)

    def load_test(self) -> Arrays:
        return self._encoded(self._arrays("test"))

    def _encoded(self, arrays: Named) -> Arrays:
        x = arrays["x"].astype(np.float32) / np.float32(255)
        return Arrays(x, encode(self.source, arrays["y"], self._labels))

    def _arrays(self, part: str) -> Named:
        """x uint8 (N, C, H, W), y (N,) as torchvision numbers the classes, and their names."""
        settings = f"{sorted(self.options.items())} {self.image_size}"
        key = hashlib.sha256(settings.encode()).hexdigest()[:8]
        path = self.data_dir / f"torchvision-{self.data_set}-{key}-{part}.npz"
        return cached(path, lambda: self._decode(part))

    def _decode(self, part: str) -> Named:
        dataset = self._opened(part)
        images: list[NDArray[np.uint8]] = []
        labels = []
        for image, label in dataset:
            pixels = channels(image, self.image_size, gray=image.mode in GRAY)
            if images and pixels.shape != images[0].shape:
                raise ValueError(
                    f"{self.source}: all images must have one size and kind, found "
                    f"{pixels.shape} (channels, height, width) at index {len(images)}, and "
                    f"{images[0].shape} before; set data.image_size=[height,width]."
                )
            images.append(pixels)
            labels.append(int(label))
        names = [str(name) for name in getattr(dataset, "classes", ())]
        return {"x": np.stack(images), "y": np.array(labels), "names": np.array(names, dtype=str)}

    def _opened(self, part: str) -> Any:
        make = _class_of(self.data_set)
        argument, *values = PARTS[self.data_set]
        own = {argument: values[part == "test"], "download": self.download}
        try:
            return make(**{**self.options, "root": str(self.data_dir / "torchvision"), **own})
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"data.options must be arguments of {self.source}, received {self.options} "
                f"({error}); correct data.options."
            ) from error
        except (OSError, RuntimeError) as error:  # URLError is an OSError
            how = "could not be fetched" if self.download else "is not there (data.download=false)"
            raise ValueError(
                f"{self.source} {how}: {error}. Where there is no network, fetch it elsewhere and "
                f"copy it to {self.data_dir / 'torchvision'}."
            ) from error


def _class_of(name: str) -> Callable[..., Any]:
    """The class of torchvision. Raises ValueError when the package is missing."""
    try:
        from torchvision import datasets  # seconds to import, and an optional extra
    except ImportError as error:
        import torch

        raise ValueError(
            f"data=torchvision needs the package torchvision built for torch {torch.__version__}, "
            f"received: {error}. Install it as zmodel[vision], from the index that torch came from."
        ) from error
    return getattr(datasets, name)
