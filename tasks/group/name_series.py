"""Series in paths and columns: a folder, a code in a name or a column may tell relatives that nobody called so.

What is found is a hint and ties nothing: names are often counted through without meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
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
    r"(?i)(plate[-_]?[a-z\d]+[-_][a-p]\d{1,2})(?!\d)": "the same well of a plate",
    r"(?<!\d)((?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d)(?!\d)": "the same day",
    r"(?<!\d)([0-3]?\d[-_.][01]?\d[-_.](?:19|20)\d\d)(?!\d)": "the same day",
    r"(?i)^(.+?)(?:[-_ ]+(?:aug|[hv]?flip|rot|mirror|crop|bright|nois|blur|zoom|shear|copy|kopie|mask|seg)"
    r"[^/]*|_(?:jpe?g|png)\.rf\.[^/]*)?\.[^./]+$": "changed copies of one image",
}
LAST_PATTERNS = {
    r"([^/]*[^/\d])[-_ ]?\d+\.[^./]+$": "names that differ in their last number",
    r"([^/]+)[-_ ][A-Za-z0-9]+\.[^./]+$": "names that differ after the last separator",
    r"([^/]*\d)[A-Za-z]\.[^./]+$": "names that differ in their last letter",
}
# Words before a number that counts within something, or says a place in it, and so tells no relatives.
COUNTED = {
    *("x", "y", "z", "frame", "frm", "f", "slice", "tile", "patch", "crop", "idx", "index", "aug", "rot", "copy"),
    *("view", "channel", "ch"),
}
# Words in the names of columns, which may end in s, id, no, number, name or code.
COLUMN_WORDS = (
    r"patient|subject|person|case|pid|animal|mouse|mice|rat|donor|participant|individual|volunteer|plant|tree|plot|field|"
    r"farm|slide|specimen|lesion|sample|plate|well|dish|culture|lot|batch|wafer|module|board|serial|unit|object|part|"
    r"camera|cam|device|scanner|machine|line|site|hospital|center|centre|location|loc|station|trap|video|clip|movie|"
    r"recording|sequence|seq|session|visit|study|series|exam|experiment|acquisition|flight|transect|deployment|operator|"
    r"observer|date|day|week|month|group|household|family"
)
_NAMES_OF_COLUMNS = re.compile(rf"(?:{COLUMN_WORDS})(?:e?s)?(?:id|ids|no|nr|num|number|name|code)?")
DEEPEST = 6  # folders that are looked at
UUID = r"(?i)[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-"  # its pieces repeat by chance
TOKENS = 5  # pieces of a name that are looked at
SINGLE = 0.9  # share of images that are the only one of a pair of two series: then the one counts through the other


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
    telling: list[pd.Series] = []  # those of them that are no mere numbers
    for pattern, meaning, known in (
        *((pattern, meaning, []) for pattern, meaning in PATTERNS.items()),
        *((pattern, meaning, [placed]) for pattern, meaning in _folders(paths, named)),
        *((pattern, meaning, [placed, folder]) for pattern, meaning in _pieces(paths)),
    ):
        series = paths.str.extract(pattern, expand=True)[0]
        described = _described(series, paths)
        if described is None or any(_refines(series, other) for other in seen):
            continue
        if any(_tells(series, what) for what in (named, *known)):
            continue
        is_piece = len(known) > 1
        if is_piece and (_is_numbering(series, folder, named) or any(_counts_through(series, one) for one in telling)):
            continue
        seen.append(series)
        if not is_piece or _have_letters(series):
            telling.append(series)
        if _is_tied(series, groups):
            continue
        remedy = f"--set {quoted(f'group.name_pattern={pattern}')}"
        found.append({"pattern": pattern, "meaning": meaning, **described, "remedy": remedy})
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
        one = _described(series, paths) if _may_tell(name) else None
        if one is not None and not _is_tied(series, groups):
            remedy = f"--set {quoted(f'ingest.group_column={name}')}"
            found.append({"column": name, "meaning": f"images with the same {name}", **one, "remedy": remedy})
    return sorted(found, key=lambda one: -one["leak"])[:SHOWN]


def _may_tell(column: str) -> bool:
    """Whether a word of a column's name says that it may tell relatives: ``patient_id``, ``SlideNo``, ``lot``."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+", column)
    return any(_NAMES_OF_COLUMNS.fullmatch(word.lower()) for word in [*words, "".join(words)])


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


def _pieces(paths: pd.Series) -> Iterator[tuple[str, str]]:
    """Patterns of the pieces of a name that hold a digit: ``QX07`` of ``QX07_near_2.png``.

    Codes with letters come first, those of most values before others; then what stands before the last number, then
    mere numbers. Pieces that a word calls the number of something (``frame_12``, ``x100``) are left out.
    """
    codes, numbers, ends = [], [], []
    for at in range(0 if paths.str.contains(UUID).mean() > 0.5 else TOKENS):
        before = rf"(?:[^/_ .-]+[_ .-]+){{{at}}}"
        piece = rf"(?:^|/){before}([^/_ .-]*\d[^/_ .-]*)(?![^/_ .-])[^/]*\.[^./]+$"
        series = paths.str.extract(piece, expand=True)[0].dropna()
        words = series.str.extract(r"^([^\W\d_]*)", expand=True)[0].str.lower()
        if at:
            said = paths.str.extract(rf"(?:^|/)(?:[^/_ .-]+[_ .-]+){{{at - 1}}}([^/_ .-]+)[_ .-]", expand=True)[0]
            words = words.where(~series.str.isdigit(), said.reindex(words.index).str.lower())
        if not len(series) or words.isin(COUNTED).mean() > 0.5:
            continue
        hint = (piece, f"names with the same {_ordinal(at + 1)} piece")
        if _have_letters(series):
            codes.append((-series.nunique(), hint))
        elif paths.str.contains(rf"(?:^|/){before}[^/_ .-]*\.[^./]+$", regex=True)[series.index].mean() > 0.5:
            ends.append(hint)
        else:
            numbers.append(hint)
    yield from (hint for _, hint in sorted(codes))
    last = {}
    for pattern, meaning in LAST_PATTERNS.items():
        tails = paths.str.extract(pattern, expand=True)[0].dropna().str.lower()
        words = tails.str.extract(r"([^\W\d_]+)[-_ ]?\d+[-_ ]*$", expand=True)[0]
        if not words.isin(COUNTED).mean() > 0.5:
            last[pattern] = meaning
    if (first := next(iter(LAST_PATTERNS))) in last:
        yield first, last.pop(first)
    else:  # the numbers before the last one are counted through, so the last may tell
        numbers += ends
    yield from numbers
    yield from last.items()


def _is_numbering(series: pd.Series, folder: pd.Series, labels: pd.Series) -> bool:
    """Whether names are counted through anew in each folder, with no letters but the same or those of the folders."""
    pairs = pd.DataFrame({"series": series, "place": folder + "/" + labels, "folder": folder}).dropna()
    if not _are_single(pairs[["series", "folder"]]):
        return False
    letters = pairs["series"].str.replace(r"[\W\d_]+", "", regex=True).str.lower()
    own = [word in _words(place) for word, place in zip(letters, pairs["place"], strict=True)]
    return bool(letters[~np.array(own)].nunique() <= 1)


@cache
def _words(place: str) -> frozenset[str]:
    """The words in the names of folders in small letters, each name also without what stands between them."""
    names = place.lower().split("/")
    return frozenset(re.findall(r"[^\W\d_]+", place.lower())) | {re.sub(r"[\W\d_]+", "", name) for name in names}


def _counts_through(series: pd.Series, other: pd.Series) -> bool:
    """Whether a series numbers what belongs to one of another series, or only leaves out where that one lies."""
    pairs = pd.DataFrame({"series": series, "other": other}).dropna()
    if len(pairs) < SINGLE * series.notna().sum():
        return False
    is_coarser = len(pairs.drop_duplicates()) == pairs["other"].nunique()
    is_smaller = not _have_letters(series) or pairs["series"].nunique() < pairs["other"].nunique()
    return is_coarser or (is_smaller and _are_single(pairs))


def _are_single(pairs: pd.DataFrame) -> bool:
    """Whether hardly two images share a row of `pairs`."""
    return bool((~pairs.duplicated(keep=False)).mean() >= SINGLE)


def _have_letters(series: pd.Series) -> bool:
    return bool(series.dropna().str.contains(r"[^\W\d_]", regex=True).mean() > 0.5)


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
    """Whether a series only cuts another into smaller ones, or is the same; single images don't count."""
    one = one[one.duplicated(keep=False)].dropna()
    both = pd.DataFrame({"one": one, "other": other}).dropna()
    return bool(len(both) >= 0.9 * len(one) and len(both.drop_duplicates()) == both["one"].nunique())


def _says_the_same(one: pd.Series, other: pd.Series) -> bool:
    """Whether two series put the same images together."""
    both = pd.DataFrame({"one": one, "other": other}).dropna()
    pairs = len(both.drop_duplicates())
    alike = pairs == both["one"].nunique() == both["other"].nunique()
    return bool(alike and len(both) >= 0.9 * one.notna().sum())
