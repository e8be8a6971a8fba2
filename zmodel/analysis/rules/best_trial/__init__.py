"""Rules about whether the best trial is as good as it looks.

Belongs here: what would change if another trial had come first. Rules about where the trials went
and how they ended lie one level up. Read first: ``worse_than_baseline``.
"""
