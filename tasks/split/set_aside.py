"""Setting relatives aside: where given or frozen places tear relatives apart, one side stays and the others leave.

Published sets often hold copies of their test images in training. `split.relatives: exclude` keeps the test part as it
is and leaves the training images out that would give it away. Test is kept before validation (fold 0), that before the
other folds in their order, and training images that wait for a fold come last.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from tasks.connected import connected_components
from tasks.split.leak_check import PAIRWISE
from tasks.split.units import TEST, TRAINING, Units


def set_relatives_aside(
    units: Units, groups: pd.DataFrame, pairs: pd.DataFrame, accepted: Collection[str] = ()
) -> tuple[Units, pd.DataFrame]:
    """Take out the images that have a relative on a side that is kept before theirs.

    Images of one given group, content or name series are relatives also through images that are on no side.
    Near-duplicates are relatives pair by pair, so that an image stays whose only relative was itself set aside.

    Parameters
    ----------
    units
        Images and the places that are settled.
    groups, pairs
        Tables `GROUPS` and `PAIRS`.
    accepted
        Kinds of relations that may lie on different sides.

    Returns
    -------
    units, aside
        The units of the images that stay, and a row an image that does not, by `image_id`: `path`, `label`, `kinds`
        (list of the relations that are torn), `relative` (the path of one that stays) and `side` of that.
    """
    images = units.images
    order, rank = np.unique(_precedence(units.fixed), axis=0, return_inverse=True)
    rank = pd.Series(rank.ravel()[images["unit"]], index=images["image_id"])
    torn = rank.groupby(images["group"].to_numpy()).nunique()
    ids = groups.loc[groups["group"].isin(torn.index[torn > 1]), "image_id"].sort_values().to_numpy()
    own = rank.reindex(ids).fillna(len(order)).to_numpy(np.int64)  # images that are on no side come after all others
    by_rank = np.argsort(own, kind="stable")
    ids, own = ids[by_rank], own[by_rank]  # so that of two images the smaller number is kept first
    kinds = sorted(set(pairs["kind"]) - set(accepted))
    ties = {kind: _ties(ids, groups, pairs[pairs["kind"] == kind], pairwise=kind == PAIRWISE) for kind in kinds}

    kept = np.zeros(len(ids), dtype=bool)
    found: dict[int, dict[str, int]] = {}  # image set aside: by kind, of its relatives the one that is kept first
    for one in np.unique(own[own < len(order)]):
        here = own == one
        for kind, (member, place) in ties.items():
            reached = np.full(place.max(initial=-1) + 1, len(ids))
            np.minimum.at(reached, place[kept[member]], member[kept[member]])
            hit = here[member] & (reached[place] < len(ids))
            for image, relative in zip(member[hit].tolist(), reached[place[hit]].tolist(), strict=True):
                best = found.setdefault(image, {})
                best[kind] = min(relative, best.get(kind, relative))
        here[list(found)] = False
        kept |= here
    return _without(units, ids, found)


def nothing_aside() -> pd.DataFrame:
    """The table of images that are set aside, without any."""
    return pd.DataFrame(columns=["image_id", "path", "label", "kinds", "relative", "side"])


def _precedence(fixed: np.ndarray) -> np.ndarray:
    """Places as numbers by which sides are ordered: test, then the folds, then training without a fold."""
    return np.where(fixed == TRAINING, np.iinfo(np.int64).max, fixed)


def _ties(ids: np.ndarray, groups: pd.DataFrame, pairs: pd.DataFrame, *, pairwise: bool) -> tuple[np.ndarray, ...]:
    """What ties images together, as `member` and `place`, shape (m,): images with a place in common are relatives.

    `member` counts in `ids`; a place is a pair, or a whole set of images that pairs connect.
    """
    inside = pairs["first"].isin(ids) & pairs["second"].isin(ids)
    group = groups.set_index("image_id")["group"]
    pairs = pairs[inside]
    pairs = pairs[pairs["first"].map(group).eq(pairs["second"].map(group))]
    number = pd.Series(np.arange(len(ids)), index=ids)
    first, second = (number.loc[pairs[end]].to_numpy() for end in ("first", "second"))
    if pairwise:
        return np.concatenate([first, second]), np.tile(np.arange(len(first)), 2)
    return np.arange(len(ids)), connected_components(len(ids), first, second)


def _without(units: Units, ids: np.ndarray, found: dict[int, dict[str, int]]) -> tuple[Units, pd.DataFrame]:
    images = units.images.set_index("image_id")
    leave = sorted(found, key=lambda image: ids[image])
    relatives = images.loc[ids[[min(found[image].values()) for image in leave]]]
    place = units.fixed[relatives["unit"], 0]
    aside = images.loc[ids[leave], ["path", "label"]].reset_index()
    aside["kinds"] = pd.Series([sorted(found[image]) for image in leave], dtype=object)
    aside["relative"] = relatives["path"].to_numpy()
    aside["side"] = np.where(place == TEST, "test", np.char.add("fold ", (place - 1).astype(str)))
    return units.only(~units.images["image_id"].isin(aside["image_id"])), aside
