"""The final stage: retrain the best, select a winner, test it once.

No search and no statistics of trials. Read first: ``stage``, the steps in their order; then
``plan``, ``race`` and ``job`` (what is run), ``choice`` and ``testing``, ``summary`` with
``scores`` (what is found), ``export`` with ``model_formats``, and ``page``, ``figures`` and
``sentences`` for people.
"""
