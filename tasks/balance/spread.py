"""Who gets how many: one rule for copies, new images and picks, under which a larger number only ever adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tasks.balance.originals import Originals


def spread(total: int, order: NDArray[np.str_]) -> NDArray[np.int64]:
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
    ndarray
        Places an image, shape (n,). For a larger `total` none gets fewer, so what was made of a place stays valid.
    """
    places = np.full(len(order), total // len(order), dtype=np.int64)
    places[np.argsort(order, kind="stable")[: total % len(order)]] += 1
    return places


def spread_by_class(
    totals: Mapping[str, int], originals: Originals, among: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Share out places in every class; see `spread`.

    Parameters
    ----------
    totals
        Places a class.
    originals
        The images.
    among
        Shape (n,): which of them may get places; all where None. A class without any gets none.

    Returns
    -------
    ndarray
        Places an image, shape (n,).
    """
    places = np.zeros(len(originals.labels), dtype=np.int64)
    for name, total in totals.items():
        of_class = (originals.labels == name) & (True if among is None else among)
        if of_class.any():
            places[of_class] = spread(total, originals.order[of_class])
    return places


def share(of: int, times: float) -> int:
    """`times` as many as `of`, to the nearest whole number, halves up, at least 1."""
    return max(1, int(np.floor(of * times + 0.5)))
