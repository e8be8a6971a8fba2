"""Deployed models: folders that depend on torch and NumPy only.

And the samples they take.

Read first: ``model``, which loads it; then ``samples``, what may be given to it. The final stage
writes such folders (``zmodel.final.export``), ``python -m zmodel.predict`` uses them.
"""
