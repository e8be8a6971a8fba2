"""Statistics that diagnostics and rules share; they read records and draw nothing.

Read first: ``selection``, then ``intervals``.
"""
