"""Diagnostics of the search itself: progress, failures, workers, the final stage."""
