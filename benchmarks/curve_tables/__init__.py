"""Tables of complete learning curves: many networks trained at once, stopping rules replayed.

Read first: ``settings`` (what is trained), ``batched`` (how), ``table`` (what is kept), then
``rules`` and ``replay``.
"""
