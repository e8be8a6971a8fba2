"""One rule per file: CODE, CHECK (what is true when it stays silent), judge(findings).

`judge` returns verdicts, worst first; an empty list means that the check passed. A rule that
lacks its data returns nothing; the summary says why the part is missing.
"""
