"""Diagnostics of training: curves by epoch, what ended them, over-fitting.

Read first: ``curves``, then ``speed`` and ``stopping``, last ``pruning_audit``.
"""
