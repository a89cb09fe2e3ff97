"""Who is related to whom: images that must stay on one side of a split, because one would give the other away.

Relations are pairs, each with its kind and distance; a group is a connected component of them. So an image that is the
same as one of a patient's and near to another's ties both together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tasks.params.models import Group
from tasks.tables import CATALOG, GROUPS, PAIRS
from tasks.workspace import Workspace, say


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


def find_pairs(catalog: pd.DataFrame, params: Group) -> pd.DataFrame:
    """All pairs of relatives, table `PAIRS`: kind ``given`` (the user's groups) and ``content`` (the same pixels).

    Files with the same bytes are one image already; the same pixels stand in files that were saved again, or with other
    metadata.
    """
    found = [PAIRS.empty()]
    if params.given:
        found.append(chain(catalog, "group", "given"))
    if params.content:
        found.append(chain(catalog, "pixels", "content"))
    return pd.concat([pairs for pairs in found if len(pairs)] or found, ignore_index=True)


def connect(image_ids: Iterable[str], pairs: pd.DataFrame) -> pd.DataFrame:
    """The groups that pairs make: connected components, each named by its smallest `image_id`.

    Returns
    -------
    pandas.DataFrame
        Table `GROUPS`, by `image_id`; an image without relatives is a group of its own.
    """
    ids = np.array(sorted(image_ids), dtype=object)
    first, second = np.searchsorted(ids, pairs["first"]), np.searchsorted(ids, pairs["second"])
    graph = coo_array((np.ones(len(pairs), dtype=bool), (first, second)), shape=(len(ids), len(ids)))
    _, component = connected_components(graph, directed=False)
    _, smallest = np.unique(component, return_index=True)  # the ids are sorted, so the first is the smallest
    return pd.DataFrame({"image_id": ids, "group": ids[smallest[component]]})


def run(workspace: Workspace, name: str) -> None:
    """Make ``data/groups`` from ``data/catalog``."""
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet"))
    pairs = find_pairs(catalog, workspace.params.group)
    groups = connect(catalog["image_id"], pairs)
    with workspace.output("data", "groups") as folder:
        GROUPS.write(groups, folder / "groups.parquet")
        PAIRS.write(pairs, folder / "pairs.parquet")
    sizes = groups["group"].value_counts()
    say(f"{len(sizes):,} groups of {len(groups):,} images; {int((sizes > 1).sum()):,} hold relatives")
    for kind, number in pairs["kind"].value_counts().sort_index().items():
        say(f"{number:,} pairs of kind {kind}")
