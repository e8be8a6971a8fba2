"""Chooses the parameters of the next trial.

Samplers, floors, and the policy after the floors.

Read first: ``proposals``, then ``floors``, ``floor_schedule`` and ``forcing_sampler``.
"""
