"""From files that people bring to samples, labels and a split; no data set that ``data=`` names.

Read first: ``own_data``, what such data sets share. Then ``table``, ``columns`` and
``labels`` for tables and arrays, ``pixels`` for images, ``given_split`` and ``shared_samples``.
"""
