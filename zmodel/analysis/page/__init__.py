"""What draws or writes for people: page, figures, tables, terminal. Computes no statistics.

Read first: ``report``, then ``section`` and ``html``; for figures ``style``, ``axes``, ``marks``.
"""
