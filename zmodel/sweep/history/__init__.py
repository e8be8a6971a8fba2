"""What a sampler sees of the earlier trials.

Read first: ``shown_history``, the base. Each other file changes the history in one way:
``bounded_history`` shortens it, ``widened_history`` brings it into a wider space,
``judged_history`` judges it by the constraints of now, and ``paused_history`` shows paused trials
by what they have reached.
"""
