"""From the shell to the work: command lines, errors, exit codes. Nothing that trains.

Read first: ``command``, then ``overrides_of_trial``.
"""
