"""Networks and the LightningModules that train them.

Neither Hydra nor Optuna.

Read first: ``znet`` (plain torch), ``layer_plan`` (its shapes) and ``blocks`` (kinds of z-layer);
then ``supervised`` and ``classifier``.
"""
