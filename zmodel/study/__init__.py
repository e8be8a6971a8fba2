"""A study on disk: trials, budget, journal, storage.

How its trials are run is not known here.

Read first: ``folder`` (where its files lie) and ``records`` (its trials, for reading), then the
rooms: ``storage`` (opening and locking), ``journal`` (the file), ``budget`` (slots and who holds
them), ``repair``.
"""
