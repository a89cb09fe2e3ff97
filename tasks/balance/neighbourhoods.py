"""What resampling in feature space has in common: vectors to compare, and how much of a class each fold keeps.

Everything is decided within a fold: which of its images stay never hangs on images of another, so the training set of a
fold owes nothing to the images that its models are scored on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.balance.originals import Originals
from tasks.statistics.scaling import unit_vectors


@dataclass(frozen=True)
class Neighbourhood:
    """The images of one fold.

    Attributes
    ----------
    images
        Their places in the originals, shape (m,), in the originals's `order`, so that ties are broken by content.
    labels
        Their classes, shape (m,).
    vectors
        Their feature vectors of length 1, shape (m, d): Euclidean distances rank them as cosines do.
    """

    images: NDArray[np.int64]
    labels: NDArray[np.object_]
    vectors: NDArray[np.float32]


def neighbourhoods(originals: Originals) -> Iterator[Neighbourhood]:
    """The images of every fold, in turn; the originals has features."""
    if originals.features is None:
        raise ValueError("the originals has no features")
    vectors = unit_vectors(originals.features).astype(np.float32)
    for fold in np.unique(originals.folds):
        images = np.flatnonzero(originals.folds == fold)
        images = images[np.argsort(originals.order[images], kind="stable")]
        yield Neighbourhood(images, originals.labels[images], vectors[images])


def quotas(originals: Originals, wanted: dict[str, int]) -> list[dict[str, int]]:
    """How many images of each class every fold keeps, in the order of `neighbourhoods`.

    Shares of `wanted` in proportion to what the fold has, by largest remainders; ties go to the first fold.
    """
    folds = np.unique(originals.folds)
    kept: list[dict[str, int]] = [{} for _ in folds]
    for name, number in wanted.items():
        there = np.array([((originals.folds == fold) & (originals.labels == name)).sum() for fold in folds])
        exact = number * there / there.sum()
        places = np.floor(exact).astype(np.int64)
        places[np.argsort(places - exact, kind="stable")[: number - places.sum()]] += 1
        for of_fold, place in zip(kept, places, strict=True):
            of_fold[name] = int(place)
    return kept
