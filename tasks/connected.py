"""Connected components of a graph: what belongs together through others."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csgraph


def connected_components(number: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The component of each of `number` things, shape (number,), integers from 0 in order of first appearance.

    Parameters
    ----------
    first, second
        The things that each of m pairs ties together, shape (m,), integers from 0.
    """
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(number, number))
    found: np.ndarray = csgraph.connected_components(graph, directed=False)[1]
    return found
