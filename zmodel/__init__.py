"""Train classifiers whose depth is counted in z-layers; run studies that can be believed."""

from zmodel.core import moved

__version__ = "0.1.0"
moved.install()
