"""The search space: sweep syntax, distributions, overrides.

Read first: ``parse``, then ``distributions`` and ``search_space``; ``combinations`` counts them.
"""
