"""One file per kind of source: each is a data set that ``data=NAME`` chooses, and nothing else.

Read first: ``digits``, the shortest; then ``array_file``, for data of your own.
"""
