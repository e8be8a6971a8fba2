"""Figures of the final stage.

As in analysis, `data` gives numbers and `draw` draws them.
"""
