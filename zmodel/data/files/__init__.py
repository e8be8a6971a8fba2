"""Reads files of users into samples, labels and a split.

None of these is a data set that ``data=`` names.

Read first: ``own_data``, what such data sets share. Then ``table``, ``columns`` and
``labels`` for tables and arrays, ``pixels`` for images, ``given_split`` and ``shared_samples``.
"""
