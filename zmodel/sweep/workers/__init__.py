"""What runs trials: workers, where they run, the job of a trial, its outcome, the progress.

Read first: ``worker``, then ``pool`` and ``controller``.
"""
