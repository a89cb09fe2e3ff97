"""Series in paths and columns: a folder, a code in a name or a column may tell relatives that nobody called so.

What is found is a hint and ties nothing: names are often counted through without meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from tasks.ingest.wording import quoted

LARGEST_SHARE = 0.5  # of all images: a series that holds more tells nothing
COVERED = 0.3  # of all images that must stand in series of two or more
LEAST_SERIES = 4  # with two images and more: fewer could not be dealt to the sides of a split
TEST_SHARE = 0.2  # of the images, where it is told what a split would leak
SHOWN = 3
# Pattern (its capture names the series) and what it stands for, the most telling first.
PATTERNS = {
    r"(?i)((?:patient|subject|case|person|pat|pid|sub)[-_]?\d+)": "the same patient or subject",
    r"(?i)((?:lesion|specimen|sample|plate|slide|module|wafer|part|object|obj)[-_]?\d+)": "the same object",
    r"(?i)((?:video|clip|seq|sequence|scene|camera|cam|run)[-_]?\d+)": "the same film or camera",
    r"(?<!\d)((?:19|20)\d\d[-_]?[01]\d[-_]?[0-3]\d)(?!\d)": "the same day",
}
LAST_PATTERNS = {
    r"([^/]*[^/\d])[-_ ]?\d+\.[^./]+$": "names that differ in their last number",
    r"([^/]+)[-_ ][A-Za-z0-9]+\.[^./]+$": "names that differ after the last separator",
}
COLUMN_WORDS = re.compile(
    r"(?i)patient|subject|person|case|pid|slide|specimen|lesion|plate|lot|batch|wafer|module|board|serial|unit|camera|"
    r"device|scanner|site|hospital|cent(er|re)|location|station|trap|video|clip|sequence|session|visit|date|day|group"
)
DEEPEST = 6  # folders that are looked at
TOKENS = 4  # pieces of a name that are looked at


def hints(
    paths: pd.Series,
    labels: pd.Series | None = None,
    groups: pd.Series | None = None,
    parts: pd.Series | None = None,
) -> list[dict[str, Any]]:
    """Series that stand in paths, the most telling first; at most `SHOWN`, none of which only cuts another smaller.

    Parameters
    ----------
    paths
        Paths of images, with forward slashes.
    labels
        Their classes, so that the folder of the class is no series.
    groups
        The group of each, where some are known: series that they hold together already are left out.
    parts
        The part that each was given, so that its folder is no series.

    Returns
    -------
    list of dict
        ``pattern``, ``meaning``, number of ``groups`` with two images and more, of ``images`` in them, the ``largest``,
        the share of test images that would have a relative in training if a split ignored them (``leak``), an
        ``example`` of two paths, and the ``remedy`` that makes them relatives, an option of the command line.
    """
    named = labels.fillna("") if labels is not None else pd.Series("", index=paths.index)
    placed = named if parts is None else (parts.fillna("") + "/" + named).where(named != "", "")
    folder = paths.str.rpartition("/")[0]
    found: list[dict[str, Any]] = []
    seen: list[pd.Series] = []
    for pattern, meaning, known in (
        *((pattern, meaning, []) for pattern, meaning in PATTERNS.items()),
        *((pattern, meaning, [placed]) for pattern, meaning in _folders(paths, named)),
        *((pattern, meaning, [placed, folder]) for pattern, meaning in (*_pieces(), *LAST_PATTERNS.items())),
    ):
        series = paths.str.extract(pattern, expand=True)[0]
        one = _described(series, paths)
        if one is None or any(_refines(series, other) for other in seen):
            continue
        if any(_tells(series, what) for what in (named, *known)):
            continue
        seen.append(series)
        if _is_tied(series, groups):
            continue
        remedy = f"--set {quoted(f'group.name_pattern={pattern}')}"
        found.append({"pattern": pattern, "meaning": meaning, **one, "remedy": remedy})
        if len(found) == SHOWN:
            break
    return found


def column_hints(
    columns: Mapping[str, Mapping[str, str]], paths: pd.Series, groups: pd.Series | None = None
) -> list[dict[str, Any]]:
    """Columns of a table that may tell relatives, by what they are called and how their values repeat.

    Parameters
    ----------
    columns
        By name, the cell of each path.
    paths
        Paths of images.
    groups
        As for `hints`.

    Returns
    -------
    list of dict
        As `hints`, with the name of the ``column`` in place of a pattern.
    """
    found = []
    for name, cells in columns.items():
        series = paths.map(cells).replace("", None)
        one = _described(series, paths) if COLUMN_WORDS.search(name) else None
        if one is not None and not _is_tied(series, groups):
            remedy = f"--set {quoted(f'ingest.group_column={name}')}"
            found.append({"column": name, "meaning": f"images with the same {name}", **one, "remedy": remedy})
    return sorted(found, key=lambda one: -one["leak"])[:SHOWN]


def told(hint: Mapping[str, Any]) -> str:
    """A hint as a sentence, which its remedy completes."""
    return (
        f"perhaps relatives: {hint['meaning']}, {hint['groups']:,} with {hint['images']:,} images, such as "
        f"{hint['example']}. A split that ignores them puts relatives of {hint['leak']:.0%} of the test images into "
        "training; if they belong together:"
    )


def leak(sizes: pd.Series, number: int, test_share: float = TEST_SHARE) -> float:
    """Expected share of test images with a relative in training, if a split draws images and ignores series.

    Parameters
    ----------
    sizes
        Images of each series.
    number
        All images.
    test_share
        Share of the images that the split holds out.
    """
    return float((sizes * (1 - test_share ** (sizes - 1))).sum() / number)


def _described(series: pd.Series, paths: pd.Series) -> dict[str, Any] | None:
    """What the series are, in numbers; None where they tell nothing."""
    sizes = series.value_counts()
    several = sizes[sizes > 1]
    enough = len(several) >= LEAST_SERIES and several.sum() >= COVERED * len(paths)
    if not enough or sizes.iloc[0] > LARGEST_SHARE * len(paths):
        return None
    return {
        "groups": len(several),
        "images": int(several.sum()),
        "largest": int(sizes.iloc[0]),
        "leak": round(leak(several, len(paths)), 4),
        "example": " and ".join(paths[series == several.index[0]].head(2)),
    }


def _is_tied(series: pd.Series, groups: pd.Series | None) -> bool:
    """Whether each series lies in one group."""
    return groups is not None and bool((groups.groupby(series).nunique() <= 1).all())


def _folders(paths: pd.Series, labels: pd.Series) -> Iterator[tuple[str, str]]:
    """Patterns of the levels of folders, the first first: by name where a name tells more than its place."""
    chains = paths.str.split("/").map(lambda parts: parts[:-1])
    for level in range(1, min(int(chains.map(len).max()), DEEPEST) + 1):
        names = chains.map(lambda chain, at=level: chain[at - 1] if len(chain) >= at else None)
        if names.nunique() < 2 or (names == labels).mean() > 0.5:
            continue
        places = chains.map(lambda chain, at=level: "/".join(chain[:at]) if len(chain) >= at else None)
        repeats = names.nunique() < places.nunique()
        told = names.dropna().unique()
        if not repeats or _are_codes(told):
            yield f"^{'[^/]+/' * (level - 1)}([^/]+)/", f"images in the same {_ordinal(level)} folder"
        else:
            yield f"^({'[^/]+/' * level})", f"images in the same {_ordinal(level)} folder below the same others"


def _pieces() -> Iterator[tuple[str, str]]:
    """Patterns of the pieces of a name that hold a digit, the first first: ``QX07`` of ``QX07_near_2.png``."""
    for at in range(TOKENS):
        before = rf"(?:[^/_ .-]+[_ .-]+){{{at}}}"
        piece = rf"(?:^|/){before}([^/_ .-]*\d[^/_ .-]*)[_ .-][^/]*\.[^./]+$"
        yield piece, f"names with the same {_ordinal(at + 1)} piece"


def _ordinal(number: int) -> str:
    return ("first", "second", "third", "fourth", "fifth", "sixth")[number - 1]


def _are_codes(names: Any) -> bool:
    """Whether names are codes with letters and digits, or long numbers, which mean the same wherever they stand."""
    return all(re.search(r"\d", name) and (re.search(r"[^\W\d]", name) or len(name) > 2) for name in names)


def _tells(series: pd.Series, what: pd.Series) -> bool:
    """Whether a series is the class, or what else is known, under another name."""
    known = series.notna() & (what != "")
    return bool(known.any()) and _says_the_same(series[known], what[known])


def _refines(one: pd.Series, other: pd.Series) -> bool:
    """Whether a series only cuts another into smaller ones, or is the same."""
    both = pd.DataFrame({"one": one, "other": other}).dropna()
    return bool(len(both) >= 0.9 * one.notna().sum() and len(both.drop_duplicates()) == both["one"].nunique())


def _says_the_same(one: pd.Series, other: pd.Series) -> bool:
    """Whether two series put the same images together."""
    both = pd.DataFrame({"one": one, "other": other}).dropna()
    pairs = len(both.drop_duplicates())
    alike = pairs == both["one"].nunique() == both["other"].nunique()
    return bool(alike and len(both) >= 0.9 * one.notna().sum())
