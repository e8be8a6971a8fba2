"""Rules about how the best trials trained: steadily, and no longer than they had to."""
