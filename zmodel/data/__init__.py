"""Data sets: contract, splits, batches, augmentation.

No network and no search. Read first: ``base``, what a data set implements and gets; then
``arrays``, ``drawn_split``, ``normalise``, ``loaders`` and ``batches``, which it uses. The data
sets themselves are in ``sources``; ``files`` reads what people bring.
"""

from zmodel.data.arrays import Arrays
from zmodel.data.augment import RandomShift
from zmodel.data.base import InMemoryData
from zmodel.data.batches import Batches
from zmodel.data.sources.array_file import ArrayFile
from zmodel.data.sources.digits import Digits
from zmodel.data.sources.image_folder import ImageFolder
from zmodel.data.sources.mnist1d import MNIST1D
from zmodel.data.sources.torchvision_sets import TorchvisionData

__all__ = [
    "MNIST1D",
    "ArrayFile",
    "Arrays",
    "Batches",
    "Digits",
    "ImageFolder",
    "InMemoryData",
    "RandomShift",
    "TorchvisionData",
]
