"""Figures of the final stage; as in analysis, `data` gives numbers and `draw` draws them."""
