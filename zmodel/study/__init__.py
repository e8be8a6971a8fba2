"""What a study is on disk, and how it is kept whole; how its trials are run is not known here.

Read first: ``folder`` (where its files lie) and ``records`` (its trials, for reading), then the
rooms: ``storage`` (opening and locking), ``journal`` (the file), ``budget`` (slots and who holds
them), ``repair``.
"""
