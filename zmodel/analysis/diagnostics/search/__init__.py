"""Diagnostics of the search: progress, failures, workers, the final stage.

What trials say about a parameter belongs to ``space``. Read first: ``history``.
"""
