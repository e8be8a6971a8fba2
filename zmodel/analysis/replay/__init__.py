"""Replays recorded learning curves through stopping rules.

Read first: ``replay``, then ``audit``.
"""
