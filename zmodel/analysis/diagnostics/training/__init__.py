"""Diagnostics of training: curves, stopping, pruning, over-fitting."""
