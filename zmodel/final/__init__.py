"""The final stage: the best of a study with several seeds, one winner, one look at the test set.

No search and no statistics of trials. Read first: ``stage``, the steps in their order; then
``plan`` and ``job`` (what is run), ``choice`` and ``testing``, ``summary`` with ``scores`` (what is
found), ``export`` with ``model_formats``, and ``page``, ``figures`` and ``sentences`` for people.
"""
