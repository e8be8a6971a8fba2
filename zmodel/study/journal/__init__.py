"""The journal file: appending, locking, reading damaged lines, repair. Knows nothing of budgets.

Read first: ``file``, then ``durable``.
"""
