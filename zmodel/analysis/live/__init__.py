"""A report of a study that still runs: on the screen, as a page that refreshes, over HTTP.

What a report contains belongs to ``page``. Read first: ``watch``, then ``server``.
"""
