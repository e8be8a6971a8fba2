"""Which parameters the next trial gets: samplers, floors, and the policy after the floors.

Read first: ``proposals``, then ``floors``, ``floor_schedule`` and ``forcing_sampler``.
"""
