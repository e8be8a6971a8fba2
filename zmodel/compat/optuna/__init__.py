"""Private parts of Optuna 5 that zmodel uses.

Studies and storages, grid and CMA-ES, TPE, the Gaussian process.

Read first: ``studies``. The files are apart because TPE and the Gaussian process load slowly.
"""
