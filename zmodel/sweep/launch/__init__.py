"""Launches workers: processes of this machine or a Hydra launcher.

And shows the progress.

What a worker does is in ``workers``. Read first: ``local_pool`` and its ``controller``, then
``hydra_launcher``.
"""
