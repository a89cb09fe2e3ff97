"""Why a file is no row of the catalog: all the reasons that the table of rejected files gives."""

from __future__ import annotations

from tasks.images import DAMAGED, EMPTY, NOT_AN_IMAGE, OTHER_FILE, TOO_LARGE, UNOPENED, UNSUPPORTED

BROKEN_LINK = "broken link"
OUTWARD_LINK = "link out of data/raw"
NOT_A_FILE = "not a file"
NOT_UTF8 = "name is not UTF-8"
FAILURES = (  # these were meant to be images: they count towards ingest.max_failed_share
    *(EMPTY, NOT_AN_IMAGE, TOO_LARGE, DAMAGED, UNSUPPORTED, UNOPENED),
    *(BROKEN_LINK, OUTWARD_LINK, NOT_A_FILE, NOT_UTF8),
)
DROPPED_CLASS = "dropped class"
NOT_IN_TABLE = "not in the table"
ON_PURPOSE = (DROPPED_CLASS, NOT_IN_TABLE, OTHER_FILE)  # set aside, but nothing is wrong with them
# One content that is given two values, by the column.
CONFLICTING = {"label": "conflicting labels", "group": "conflicting groups", "part": "conflicting parts"}
