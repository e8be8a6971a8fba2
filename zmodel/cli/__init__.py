"""Command lines: arguments, errors and exit codes.

Nothing here trains.

Read first: ``command``, then ``overrides_of_trial``.
"""
