"""Relations that need no look at the pixels: groups that the user gave, the same pixels, names that agree."""

from __future__ import annotations

import re

import pandas as pd

from tasks.errors import InputError
from tasks.params.models import Group
from tasks.tables import PAIRS


def find_relations(catalog: pd.DataFrame, params: Group) -> pd.DataFrame:
    """All pairs of relatives that the catalog tells, table `PAIRS`, of three kinds.

    ``given``: the user's groups. ``content``: the same pixels; files with the same bytes are one image already, but the
    same pixels stand in files that were saved again, or with other metadata. ``name``: paths in which the regular
    expression `params.name_pattern` captures the same.

    Raises
    ------
    InputError
        The pattern matches no path.
    """
    found = [PAIRS.empty()]
    if params.given:
        found.append(chain(catalog, "group", "given"))
    if params.content:
        found.append(chain(catalog, "pixels", "content"))
    if params.name_pattern:
        found.append(chain(catalog.assign(series=captured(catalog["path"], params.name_pattern)), "series", "name"))
    return pd.concat([pairs for pairs in found if len(pairs)] or found[:1], ignore_index=True)


def captured(paths: pd.Series, pattern: str) -> pd.Series:
    """What the first group of a regular expression captures in each path; empty where it doesn't match."""
    matches = [re.search(pattern, path) for path in paths]
    if not any(matches):
        raise InputError(
            f"group.name_pattern: {pattern!r} matches no path, such as {paths.iloc[0]!r}; mend it, or leave it empty"
        )
    return pd.Series([match[1] if match else None for match in matches], index=paths.index, dtype=object)


def chain(catalog: pd.DataFrame, column: str, kind: str) -> pd.DataFrame:
    """Pairs of the images that share a value in `column`: each with the next, in order of `image_id`.

    A chain ties g images together with g - 1 pairs; all pairs would be g (g - 1) / 2.

    Returns
    -------
    pandas.DataFrame
        Table `PAIRS` with distance 0; `first` < `second`.
    """
    known = catalog.loc[catalog[column].notna(), ["image_id", column]].sort_values([column, "image_id"])
    same_as_next = (known[column] == known[column].shift(-1)).to_numpy()
    pairs = pd.DataFrame({"first": known["image_id"], "second": known["image_id"].shift(-1)})[same_as_next]
    return pairs.assign(kind=kind, distance=0.0).sort_values(["first", "second"], ignore_index=True)
