"""Pages, figures, tables and terminal output of reports.

Nothing here computes statistics.

Read first: ``report``, then ``section`` and ``html``; for figures ``style``, ``axes``, ``marks``.
"""
