"""The leak check: which relatives a split puts on different sides, whoever decided it.

It reads the finished split and the pairs of the stage `group`, and knows nothing of how the split was made. Images that
share a given group, their content or a name series are all relatives of each other, also through images that the split
leaves out. Near-duplicates are relatives pair by pair: two images that are near to a third need not be near.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.connected import connected_components
from tasks.errors import InputError
from tasks.split.wording import ADD_AGAIN, EXCLUDE
from tasks.tables import USED_PARTS, first_repeat

SHOWN = 5  # pairs of a kind that are named
PAIRWISE = "near"  # the kind of relation that does not pass from pair to pair


@dataclass(frozen=True)
class Leaks:
    """Relatives on different sides.

    Attributes
    ----------
    images
        A row an image and kind of relation for which it has a relative on another side: `image_id`, `label`, `kind`,
        `across` (``parts`` or ``folds``).
    pairs
        The first few of each kind: `kind`, and paths and sides of two images.
    """

    images: pd.DataFrame
    pairs: list[dict[str, str]]

    @property
    def kinds(self) -> list[str]:
        """The kinds of relations that are torn, sorted."""
        return sorted(self.images["kind"].unique())

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Images that have a relative on another side: across parts or folds, by kind and class."""
        found: dict[str, dict[str, dict[str, int]]] = {"parts": {}, "folds": {}}
        for (across, kind, label), number in self.images.groupby(["across", "kind", "label"]).size().items():
            found[across].setdefault(kind, {})[label] = int(number)
        return found

    def sentences(self) -> list[str]:
        """What leaks, a line a kind, and examples."""
        lines = [
            f"{kind}: {sum(classes.values()):,} images have a relative in another {across[:-1]} ("
            + ", ".join(f"{label} {number:,}" for label, number in classes.items())
            + ")"
            for across, kinds in self.counts().items()
            for kind, classes in kinds.items()
        ]
        return lines + [f"{pair['kind']}: {pair['first']} and {pair['second']}" for pair in self.pairs]

    def as_json(self, accepted: Iterable[str]) -> dict[str, Any]:
        """What the summary of the split holds."""
        return {**self.counts(), "pairs": self.pairs, "accepted": sorted(set(accepted) & set(self.kinds))}


def find_leaks(splits: pd.DataFrame, catalog: pd.DataFrame, groups: pd.DataFrame, pairs: pd.DataFrame) -> Leaks:
    """Find relatives that lie in different parts, or in different folds of any repeat.

    Parameters
    ----------
    splits, catalog, groups, pairs
        Tables `SPLITS`, `CATALOG`, `GROUPS` and `PAIRS`. Relatives are those of `groups`; what `splits` says of groups
        is not asked.

    Raises
    ------
    InputError
        Groups and pairs don't fit to each other.
    """
    images = catalog[["image_id", "path", "label"]].merge(groups, on="image_id", validate="1:1")
    images = images.merge(sides_of(splits), on="image_id", how="left").sort_values("image_id", ignore_index=True)
    is_torn = images.groupby("group")["side"].transform("nunique") > 1
    images = images[is_torn].reset_index(drop=True)
    pairs = pairs[pairs["first"].isin(images["image_id"]) & pairs["second"].isin(images["image_id"])]
    first, second = (images["image_id"].searchsorted(pairs[end]) for end in ("first", "second"))
    inside = (images["group"].to_numpy()[first] == images["group"].to_numpy()[second]).astype(bool)
    first, second, kinds = first[inside], second[inside], pairs["kind"].to_numpy(object)[inside]
    if images["group"].nunique() != connected_components(len(images), first, second).max(initial=-1) + 1:
        raise InputError(
            "data/groups: the groups are not those of the pairs; `equipoise run --force group` makes them anew"
        )

    used = images["part"].notna().to_numpy()
    found, examples = [], []
    for kind in sorted(set(kinds)):
        chosen = kinds == kind
        if kind == PAIRWISE:
            chosen &= used[first] & used[second]
        relatives = connected_components(len(images), first[chosen], second[chosen])
        related = images.assign(kind=kind, relatives=relatives)[used]
        for across, column in (("parts", "part"), ("folds", "side")):
            own = related if across == "parts" else related[related["part"] == "train"]
            leaking = own[own.groupby("relatives")[column].transform("nunique") > 1]
            found.append(leaking[["image_id", "label", "kind"]].assign(across=across))
        examples += _examples(related, kind)
    return Leaks(pd.concat(found, ignore_index=True) if found else _NONE, examples)


_NONE = pd.DataFrame(columns=["image_id", "label", "kind", "across"])


def sides_of(splits: pd.DataFrame) -> pd.DataFrame:
    """Part and side of each image that takes part: `image_id`, `part`, `side` (part and folds in all repeats)."""
    used = splits[splits["part"].isin(USED_PARTS)]
    part = first_repeat(used).set_index("image_id")["part"].sort_index()
    side = part
    for _, rows in used.groupby("repeat"):
        folds = rows.set_index("image_id")["fold"].reindex(part.index).fillna(-1).astype(np.int64)  # -1: no fold
        side = side + " " + folds.astype("str")
    return pd.DataFrame({"part": part, "side": side}).reset_index()


def _examples(related: pd.DataFrame, kind: str) -> list[dict[str, str]]:
    """Of the first torn sets of relatives, the first two images on different sides."""
    torn = related[related.groupby("relatives")["side"].transform("nunique") > 1].sort_values("path")
    firsts = torn.drop_duplicates(["relatives", "side"]).groupby("relatives", sort=False).head(2)
    named = firsts["path"] + " (" + firsts["side"].map(_side_name) + ")"
    twos = named.groupby(firsts["relatives"], sort=False).agg(list).head(SHOWN)
    return [{"kind": kind, "first": one, "second": other} for one, other in twos]


def _side_name(side: str) -> str:
    part, *folds = side.split()
    if part != "train":
        return part
    return f"train, fold {folds[0]}" + (f", then {', '.join(folds[1:])}" if len(folds) > 1 else "")


def check_accepted(leaks: Leaks, accept: Iterable[str]) -> None:
    """Stop unless every kind of relation that leaks is accepted by name.

    Raises
    ------
    InputError
        With the kinds, the counts a class, examples, and what to do.
    """
    unaccepted = [kind for kind in leaks.kinds if kind not in set(accept)]
    if unaccepted:
        shown = "\n  ".join(leaks.sentences())
        raise InputError(
            f"relatives lie on different sides of the split, which would leak:\n  {shown}\n"
            f"To keep the test part as it is and leave the relatives in training out:\n  {EXCLUDE}\n"
            f"Or give relatives the same part {ADD_AGAIN}; if the frozen assignment (data/frozen.csv) holds them, "
            "draw anew with `equipoise freeze --discard`; or accept the leak by name in params.yaml, "
            f"split.accept: [{', '.join(leaks.kinds)}]"
        )
