"""Where a study lies: addresses, databases, proxy, locks, outages; not what is stored.

Read first: ``opening`` and ``address``, then ``study_lock`` and ``file_lock``.
"""
