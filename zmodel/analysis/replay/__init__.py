"""Recorded curves replayed through stopping rules: what they would have done.

Read first: ``replay``, then ``audit``.
"""
