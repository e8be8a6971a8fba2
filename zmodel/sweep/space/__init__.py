"""The search space: from the text of a sweep to distributions, and from values back to overrides.

Read first: ``parse``, then ``distributions`` and ``search_space``; ``combinations`` counts them.
"""
