"""Data that people bring in files, from bytes to samples and labels; no data set of its own.

Read first: ``own_data``, then ``table``.
"""
