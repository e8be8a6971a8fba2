"""What a study and its run folders hold, read with care; no judgement.

Read first: ``run_folder``.
"""
