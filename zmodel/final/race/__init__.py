"""The race of the final stage: who enters, who runs next, who leaves.

Read first: ``rule``, which knows nothing of studies; then ``candidates``, ``schedule``, and
``listed_runs``, by which workers get their runs.
"""
