"""How a study is run: search space, samplers, workers that pull trials, the Hydra sweeper."""
