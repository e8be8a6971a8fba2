"""The final stage: the best of a study with several seeds, one winner, one look at the test set."""
