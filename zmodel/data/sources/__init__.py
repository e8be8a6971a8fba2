"""Data sets that ``data=NAME`` selects, one file per kind.

Read first: ``digits``, the shortest; then ``array_file``, for data of your own.
"""
