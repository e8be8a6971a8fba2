"""Diagnostics of training: learning curves and their ends.

Read first: ``curves``, then ``speed`` and ``stopping``, last ``pruning_audit``.
"""
