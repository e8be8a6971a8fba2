"""Rules that turn findings into verdicts, one per file.

Each has CODE, CHECK (what is true when it finds nothing) and judge(findings).

`judge` returns verdicts, worst first. An empty list means that the check passed; None that the
study lacks the data for it, so that nothing was checked: the summary then says why.
"""
