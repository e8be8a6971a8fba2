"""What draws or writes for people: page, figures, tables. Computes no statistics.

Read first: ``report``, then ``html`` and ``figures``.
"""
