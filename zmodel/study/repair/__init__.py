"""Repairs a damaged or lost journal.

Lines are damaged, or the file is gone while its runs are there.

Read first: ``repair``, then ``lost_lines`` (what is read of a damaged file) and ``rebuild`` with
``lost_run`` (what the folders of the runs say).
"""
