"""Diagnostics: one question about a study per file.

Each has the numbers that answer it, and their picture.

What judges numbers belongs to ``rules``; statistics that several share to ``statistics``; what
pictures share to ``page``. The contract of a diagnostic's module:

TITLE, QUESTION     a heading, and the question that the figure answers
data(study)         StudyRecord -> a frozen record of numbers, epochs counted from 1; Unavailable
                    with the reason when the study does not hold what it needs; draws nothing
draw(record, ax)    optional: draws the record into matplotlib axes, computes nothing;
                    a diagnostic without it is a table. Trials are drawn by marks.trials, so that
                    the page knows which dot is which; a line of a depth by set_gid("depth 0")
rows(record)        the numbers as a list of flat dictionaries, one per row of a table
caption(record)     what the figure shows here, in one or two plain sentences with numbers
SIZE or size(record)    optional: width and height in inches
details(record)     optional: a second table, its title and rows
nothing(record)     optional: a sentence to say instead when the figure would show nothing

Read first: ``space.values``, the picture that most readers need. ``catalog`` lists them all.
"""
