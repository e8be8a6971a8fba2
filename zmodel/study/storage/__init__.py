"""Storages of a study: addresses, databases, locks, outages.

Not what is stored.

Read first: ``opening`` and ``address``, then ``study_lock`` and ``file_lock``.
"""
