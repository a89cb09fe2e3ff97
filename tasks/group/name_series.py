"""Series in file names: a number of a frame, a patient or a day may tell relatives that nobody wrote into a table.

What is found is a hint and ties nothing: names are often counted through without meaning.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

LARGEST_SHARE = 0.5  # of all images: a series that holds more tells nothing
COVERED = 0.3  # of all images that must stand in series of two or more
# Pattern (its capture names the series) and what it stands for, the most telling first.
PATTERNS = {
    r"(?i)((?:patient|subject|case|person|pat|pid|sub)[-_]?\d+)": "the same patient or subject",
    r"(?i)((?:lesion|specimen|sample|plate|slide|module|wafer|part|object|obj)[-_]?\d+)": "the same object",
    r"(?i)((?:video|clip|seq|sequence|scene|camera|cam|run)[-_]?\d+)": "the same film or camera",
    r"(?<!\d)((?:19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d)(?!\d)": "the same day",
    r"([^/]*[^/\d])[-_ ]?\d+\.[^./]+$": "names that differ in their last number",
    r"([^/]+)[-_ ][A-Za-z0-9]+\.[^./]+$": "names that differ after the last separator",
}


def hints(paths: pd.Series) -> list[dict[str, Any]]:
    """Series that stand in the names of files, the most telling pattern first; at most two.

    Parameters
    ----------
    paths
        Paths of images, with forward slashes.

    Returns
    -------
    list of dict
        ``pattern``, ``meaning``, number of ``groups`` with two images and more, of ``images`` in them, the ``largest``,
        an ``example`` of two paths, and the ``remedy`` that makes them relatives.
    """
    found = []
    for pattern, meaning in PATTERNS.items():
        series = paths.str.extract(pattern, expand=True)[0]
        sizes = series.value_counts()
        several = sizes[sizes > 1]
        if several.sum() < COVERED * len(paths) or sizes.iloc[0] > LARGEST_SHARE * len(paths):
            continue
        example = paths[series == several.index[0]].head(2).tolist()
        found.append(
            {
                "pattern": pattern,
                "meaning": meaning,
                "groups": len(several),
                "images": int(several.sum()),
                "largest": int(sizes.iloc[0]),
                "example": " and ".join(example),
                "remedy": f"if these are {meaning}: equipoise run --set 'group.name_pattern={pattern}'",
            }
        )
    return found[:2]
