"""Constraints of a study: what is too large is known before training.

So it costs no trial.

Read first: ``study_limits`` (what is checked at the start), then ``known_sizes`` (what is known of
a configuration) and ``feasible_sampler`` (proposals within the limits). What samplers learn of
trials that broke one is ``sweep.history.judged_history``.
"""
