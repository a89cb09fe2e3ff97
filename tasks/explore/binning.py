"""Properties of images cut into bins, numbers at their quantiles and names by how frequent they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_BINS = 16
CATEGORIES = 30  # the most frequent; the others share a bin


@dataclass(frozen=True)
class Binned:
    """A property of n images, cut into bins.

    Attributes
    ----------
    name, title
        The column, and as the report calls it.
    codes
        The bin of each image, shape (n,), integers from 0. Images without a value have a bin of their own.
    bins
        How many bins there are.
    known
        How many images have a value.
    """

    name: str
    title: str
    codes: np.ndarray
    bins: int
    known: int


def bin_numbers(values: np.ndarray, bins: int) -> np.ndarray:
    """Cut numbers at their quantiles into at most `bins` bins; what is not finite gets one more.

    The label has no part in it, so the bins may be those of all images.
    """
    known = np.isfinite(values)
    different = np.unique(values[known])
    if len(different) <= bins:
        codes = np.searchsorted(different, values)
    else:
        edges = np.unique(np.quantile(values[known], np.arange(1, bins) / bins))
        codes = np.searchsorted(edges, values, side="right")
    codes[~known] = codes[known].max(initial=-1) + 1
    return np.unique(codes, return_inverse=True)[1]


def bin_names(values: Sequence[str | None], categories: int = CATEGORIES) -> np.ndarray:
    """A bin for each of the most frequent names, one for the others, one for what has none."""
    names, codes, counts = np.unique([value or "" for value in values], return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:categories]
    place = np.full(len(names), categories)
    place[frequent] = np.arange(len(frequent))
    place[names == ""] = categories + 1
    return np.unique(place[codes], return_inverse=True)[1]


def number_of_bins(groups: int) -> int:
    """Bins for that many independent images: the cube root, from 2 to `MOST_BINS`."""
    return int(np.clip(round(groups ** (1 / 3)), 2, MOST_BINS))
