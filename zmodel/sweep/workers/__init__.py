"""Workers: rehearse, claim slots, run trials, record outcomes.

How many there are and where they run is decided in ``launch``. Read first: ``worker``, then
``session`` (what it has at hand), ``attempt`` (one trial) and ``job`` (the trial's configuration).
"""
