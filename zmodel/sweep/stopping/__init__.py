"""What ends a trial before its own early stopping does: rules that compare it with others.

A trial's own early stopping is a callback of its run, and no room here.
"""
