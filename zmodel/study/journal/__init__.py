"""The journal file: appending, locking, damaged lines.

Knows nothing of budgets.

Read first: ``file``, then ``append`` and ``lines``.
"""
