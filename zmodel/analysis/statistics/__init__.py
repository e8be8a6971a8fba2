"""Statistics that diagnostics and rules share.

They read records and draw nothing.

Read first: ``selection``, then ``intervals``.
"""
