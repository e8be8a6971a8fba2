"""Rules that end or pause a trial by comparing it with others.

Stopping rules, and Optuna's pruners.

A trial's own early stopping is a callback of its run, and no room here.
"""
