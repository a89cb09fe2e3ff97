"""Which pairs of images are worth a closer look: near in their perceptual hashes, or nearest in features.

Hashes find copies and edits; features, and glances at what is left without the light, find one object in several lights
or from another side. None of them is proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.fingerprints import TURNS
from tasks.statistics.principal_components import principal_axes
from tasks.statistics.scaling import unit_vectors

if TYPE_CHECKING:
    import pandas as pd

    from tasks.features import Features
    from tasks.params.models import Group

A_PAIR_IN = 1000  # if more pairs of images than one in this many have close hashes, most of them look alike
CANDIDATES = 4  # an image, on average, at most, from hashes
ROWS, COLUMNS = 32, 8192  # of a tile of distances, which fits into a processor's cache
BLOCK = 1024  # images whose similarities to all others are in memory at a time
PROJECTED = 64  # dimensions in which neighbours are looked for when there are many images
MANY = 10_000
EXAMPLES = 2_000  # images from which the projection is made


def find_candidates(
    catalog: pd.DataFrame, features: Features, details: np.ndarray, params: Group
) -> tuple[np.ndarray, dict[str, Any]]:
    """Pairs of rows of the catalog that may be related, and how the second is turned.

    Returns
    -------
    pairs
        Shape (m, 3): two rows, and the turn (see `tasks.fingerprints.TURNS`).
    summary
        ``radius`` that was kept, ``look_alike`` (share of all pairs with close hashes) and ``turns``.
    """
    n = len(catalog)
    hashes = np.array([[int(text, 16) for text in texts] for texts in catalog["phash"]], dtype=np.uint64)
    most = CANDIDATES * n
    upright, _, radius = close_hashes(hashes[:, 0], hashes[:, 0], params.radius, most)
    share = len(upright) / (n * (n - 1) / 2)
    alike = radius < params.radius or len(upright) > max(n, n * (n - 1) / 2 / A_PAIR_IN)
    turns = {"none": [0], "mirrored": [0, 1], "all": [*range(8)], "auto": [0] if alike else [0, 1]}[params.turned]
    close = np.concatenate(
        [
            nearest(features.take(catalog["image_id"].tolist()), params.neighbours),
            nearest(details, params.neighbours),
        ]
    )
    found = []
    for turn in turns:
        by_hash = upright if turn == 0 else close_hashes(hashes[:, 0], hashes[:, turn], params.radius, most)[0]
        both = np.concatenate([by_hash, close])
        found.append(np.column_stack([both, np.full(len(both), turn)]))
    names = [TURNS[turn] for turn in turns]
    return np.unique(np.concatenate(found), axis=0), {"radius": radius, "look_alike": round(share, 6), "turns": names}


def close_hashes(hashes: np.ndarray, others: np.ndarray, radius: int, most: int) -> tuple[np.ndarray, np.ndarray, int]:
    """All pairs i < j in which the hash of i and the other hash of j differ in few bits.

    Parameters
    ----------
    hashes, others
        Shape (n,), uint64: those of the images, and those of the same images, turned or not.
    radius
        Bits in which a pair may differ.
    most
        The radius is lowered until no more pairs than this are left: where everything looks alike a hash tells
        nothing. Never more than about this many are held in memory.

    Returns
    -------
    pairs
        Shape (m, 2), in ascending order.
    distances
        Shape (m,): bits.
    radius
        The radius that was kept; -1 if even equal hashes are too many.
    """
    n = len(hashes)
    rows = [np.empty((0, 3), dtype=np.int64)]
    held = 0
    differing = np.empty((ROWS, COLUMNS), dtype=np.uint64)  # made once: a tile is as quick as its memory
    counts = np.empty((ROWS, COLUMNS), dtype=np.uint8)
    for top in range(0, n, ROWS):
        upper = hashes[top : top + ROWS, None]
        for left in range(top, n, COLUMNS):
            right = others[None, left : left + COLUMNS]
            tile = (slice(len(upper)), slice(right.shape[1]))
            np.bitwise_xor(upper, right, out=differing[tile])
            distances = np.bitwise_count(differing[tile], out=counts[tile])
            if distances.min() > radius:
                continue
            i, j = np.nonzero(distances <= radius)
            above = i + top < j + left
            i, j = i[above], j[above]
            rows.append(np.column_stack([i + top, j + left, distances[i, j]]))
            held += len(i)
        if held > most:
            table = np.concatenate(rows)
            within = np.bincount(table[:, 2], minlength=radius + 1).cumsum()
            radius = int(np.searchsorted(within, most, side="right")) - 1
            rows = [table[table[:, 2] <= radius]]
            held = len(rows[0])
            if radius < 0:
                break
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return table[:, :2], table[:, 2], radius


def nearest(features: np.ndarray, number: int) -> np.ndarray:
    """Pairs of each image and its nearest ones by the cosine of their features.

    With many images the features are projected first, on the principal axes of the first `EXAMPLES` of them.

    Parameters
    ----------
    features
        Shape (n, d), in order of a content hash, so that the first ones are a fair sample.
    number
        Neighbours an image.

    Returns
    -------
    numpy.ndarray
        Pairs i < j, shape (m, 2), each once, in ascending order.
    """
    n = len(features)
    number = min(number, n - 1)
    if number < 1:
        return np.empty((0, 2), dtype=np.int64)
    values = np.asarray(features, dtype=np.float32)
    if n > MANY:
        sample = values[:EXAMPLES] - values[:EXAMPLES].mean(axis=0)
        axes = principal_axes(sample, PROJECTED, "svd")
        values = (values - values[:EXAMPLES].mean(axis=0)) @ axes.T
    values = unit_vectors(values)
    found = []
    for start in range(0, n, BLOCK):
        cosines = values[start : start + BLOCK] @ values.T
        own = np.arange(start, start + len(cosines))
        cosines[np.arange(len(cosines)), own] = -np.inf
        neighbours = np.argpartition(-cosines, number - 1, axis=1)[:, :number]
        found.append(np.column_stack([np.repeat(own, number), neighbours.ravel()]))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
