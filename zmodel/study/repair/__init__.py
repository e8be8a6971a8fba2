"""Mending the journal of a study: damaged lines, or a file that is gone while its runs are there.

Read first: ``repair``, then ``lost_lines`` (what is read of a damaged file) and ``rebuild`` with
``lost_run`` (what the folders of the runs say).
"""
