"""Reports of a running study: terminal, refreshing page, HTTP.

What a report contains belongs to ``page``. Read first: ``watch``, then ``server``.
"""
