"""Tables of complete learning curves: many networks trained at once, stopping rules replayed.

Read first: ``settings`` and ``recipe`` (what is trained), ``networks`` and ``training`` (how),
``table`` (what is kept), then ``simulation``, ``rules`` and ``replay``.
"""
