"""Rules about the search space: its limits, its useless regions, what should not be searched."""
