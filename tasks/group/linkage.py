"""From pairs to groups: relations add up, but what only looks alike may not chain without end.

Near-duplicates are joined by single linkage, because frames of one film are relatives from the first to the last though
these two no longer look alike, and a split that cuts between two frames leaks. What guards against chaining is the
confirmation of each pair, and a cap: a component larger than that is no object but a texture. It is refused, and only
its parts in which all are alike (complete linkage) are kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tasks.connected import connected_components


def connect(image_ids: Iterable[str], pairs: pd.DataFrame) -> pd.DataFrame:
    """The groups that pairs make: connected components, each named by its smallest `image_id`.

    Returns
    -------
    pandas.DataFrame
        Table `GROUPS`, by `image_id`; an image without relatives is a group of its own.
    """
    ids = np.array(sorted(image_ids), dtype=object)
    first, second = np.searchsorted(ids, pairs["first"]), np.searchsorted(ids, pairs["second"])
    component = connected_components(len(ids), first, second)
    _, smallest = np.unique(component, return_index=True)  # the ids are sorted, so the first is the smallest
    return pd.DataFrame({"image_id": ids, "group": ids[smallest[component]]})


def refuse_large(pairs: pd.DataFrame, max_size: int) -> tuple[pd.DataFrame, list[list[str]]]:
    """Take the pairs out that tie more than `max_size` images together, except where all of a part are alike.

    Parameters
    ----------
    pairs
        Confirmed pairs, table `PAIRS`.
    max_size
        The most images that may be one group.

    Returns
    -------
    pandas.DataFrame
        The pairs that are left, in their order.
    list of list of str
        The images of each component that was refused, largest first.
    """
    ids = sorted({*pairs["first"], *pairs["second"]})
    groups = connect(ids, pairs).set_index("image_id")["group"]
    sizes = groups.value_counts()
    large = sizes.index[sizes > max_size]
    of_pair = pairs["first"].map(groups)
    kept = [pairs[~of_pair.isin(large)]]
    for group in large:
        inside = pairs[of_pair == group]
        part = complete_linkage(inside, max_size)
        kept.append(inside[inside["first"].map(part).eq(inside["second"].map(part))])
    refused = [sorted(groups.index[groups == group]) for group in large]
    return pd.concat(kept).sort_index().reset_index(drop=True), sorted(
        refused, key=lambda images: (-len(images), images)
    )


def complete_linkage(pairs: pd.DataFrame, max_size: int) -> dict[str, str]:
    """Part of each image: parts grow from the nearest pair on, while all images of a part are pairs of each other.

    Returns
    -------
    dict
        The smallest image of the part, by image.
    """
    near = {*zip(pairs["first"], pairs["second"], strict=True)} | {*zip(pairs["second"], pairs["first"], strict=True)}
    part: dict[str, list[str]] = {image: [image] for image in sorted({*pairs["first"], *pairs["second"]})}
    for pair in pairs.sort_values(["distance", "first", "second"]).itertuples():
        one, other = part[pair.first], part[pair.second]
        if one is other or len(one) + len(other) > max_size:
            continue
        if all((a, b) in near for a in one for b in other):
            one.extend(other)
            part.update(dict.fromkeys(other, one))
    return {image: min(images) for image, images in part.items()}
