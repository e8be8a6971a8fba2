"""The private side of Optuna 5: studies and storages, grid and CMA-ES, TPE, the Gaussian process.

Read first: ``studies``. The files are apart because TPE and the Gaussian process load slowly.
"""
