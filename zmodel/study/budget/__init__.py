"""The budget of a study: slots, who holds them, what counts.

How a trial is run is not known here.

Read first: ``slots``, then ``ledger`` and ``lease``.
"""
