"""The networks and the LightningModule that trains them; neither Hydra nor Optuna.

Read first: ``znet`` (plain torch), ``layer_plan`` (its shapes), then ``classifier``.
"""
