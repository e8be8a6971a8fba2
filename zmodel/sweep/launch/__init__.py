"""Where workers run: processes of this machine or a Hydra launcher; and what a person sees.

What a worker does is in ``workers``. Read first: ``local_pool`` and its ``controller``, then
``hydra_launcher``.
"""
