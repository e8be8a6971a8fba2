"""Which parameters the next trial gets: samplers, floors, and the race after the floors.

Read first: ``proposals``, then ``coverage`` and ``coverage_sampler``.
"""
