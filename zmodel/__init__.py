"""Train classifiers whose depth is counted in z-layers; run studies that can be believed."""

__version__ = "0.1.0"
