"""A model as it is handed on: a folder that needs torch and NumPy alone, and what it takes.

Read first: ``model``, which loads it; then ``samples``, what may be given to it. The final stage
writes such folders (``zmodel.final.export``), ``python -m zmodel.predict`` uses them.
"""
