"""Where a study lies: addresses, databases, proxy, locks, outages; not what is stored.

Read first: ``opening``, then ``address``.
"""
