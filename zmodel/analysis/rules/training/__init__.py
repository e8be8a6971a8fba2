"""Rules about how the best trials trained: steadily, no longer than needed."""
