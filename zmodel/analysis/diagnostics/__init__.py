"""One diagnostic per file. The contract of such a module:

TITLE, QUESTION     a heading, and the question that the figure answers
data(study)         StudyRecord -> a frozen record of numbers; Unavailable with the reason when
                    the study does not hold what it needs; no drawing, no reading of the clock
draw(record, ax)    draws the record into matplotlib axes, computes nothing
rows(record)        the numbers as a list of flat dictionaries, one per row of a table
caption(record)     what the figure shows here, in one or two plain sentences with numbers
SIZE or size(record)    optional: width and height in inches
details(record)     optional: a second table, its title and rows
"""
