"""Data sets as LightningDataModules, the contract they share, and augmentation."""

from zmodel.data.augment import RandomShift
from zmodel.data.base import InMemoryData
from zmodel.data.batches import Batches
from zmodel.data.checks import Arrays
from zmodel.data.sources.arrays import ArrayFile
from zmodel.data.sources.digits import Digits
from zmodel.data.sources.images import ImageFolder
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
