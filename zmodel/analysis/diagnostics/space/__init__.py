"""Diagnostics of the search space.

They say where trials went and what each parameter is worth.

How networks trained belongs to ``training``, how the search went to ``search``.
Read first: ``values``, then ``importance``.
"""
