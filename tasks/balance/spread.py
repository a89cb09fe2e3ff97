"""Who gets how many: one rule for copies, new images and picks, under which a larger number only ever adds."""

from __future__ import annotations

import numpy as np


def spread(total: int, order: np.ndarray) -> np.ndarray:
    """Share `total` places among images as evenly as can be: every image gets its first before one gets its second.

    Parameters
    ----------
    total
        Number of places.
    order
        Shape (n,), sortable, no value twice: the images with the smallest values get the places of the last,
        incomplete round.

    Returns
    -------
    numpy.ndarray
        Places an image, shape (n,). For a larger `total` none gets fewer, so what was made of a place stays valid.
    """
    places = np.full(len(order), total // len(order), dtype=np.int64)
    places[np.argsort(order, kind="stable")[: total % len(order)]] += 1
    return places


def share(of: int, times: float) -> int:
    """`times` as many as `of`, to the nearest whole number, at least 1."""
    return max(1, int(np.floor(of * times + 0.5)))
