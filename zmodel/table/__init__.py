"""Tables of users, and how their rows become numbers.

The same in training and when deployed.

Read first: ``columns`` (kinds of columns, cells as numbers, what is wrong with them), then
``preparation`` (missing values and words, fitted to what is trained on), ``series``
(unequal lengths) and ``open_file``.
"""
