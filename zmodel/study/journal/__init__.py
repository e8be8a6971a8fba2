"""The journal file: appending, locking, telling damaged lines. Knows nothing of budgets.

Read first: ``file``, then ``append`` and ``lines``.
"""
