"""ingest: every file below ``data/raw`` opened safely once, a row an image, the unreadable ones set aside.

A class is a first folder below ``data/raw``, or what ``data/raw/table.csv`` says. Files with the same bytes are one
image with all their paths; the same bytes under two labels are nobody's truth and are set aside. Nothing is lost
silently: whatever is no row of the catalog stands in the table of rejected files with the reason.

`sources` lists the files and `table` holds what the user says of them, read by `reading`; `columns` holds how its
columns are to be read, and `likely_columns` finds those that say the path and the label under other names. `examine`
opens one file and `stored` those that are not known yet, `catalog` makes the tables, `reasons` lists why a file can be
set aside, and `checks` say when to stop.
"""
