"""One file per kind of source: each is a data set that ``data=NAME`` chooses.

Read first: ``digits``, the shortest.
"""
