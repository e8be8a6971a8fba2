"""Rules about the search space: limits, useless regions, bad choices."""
