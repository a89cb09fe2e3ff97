"""Principal components: the directions in which rows differ most, and what rows are along them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from tasks.statistics.scaling import Standardisation

COMPONENTS = 128  # that a fast classifier sees
PCA_ROWS = 5_000  # rows that components are found on; more would hardly move them


def principal_axes(
    centred: np.ndarray, components: int, method: Literal["svd", "covariance", "randomized"]
) -> np.ndarray:
    """The first principal axes of centred rows, the one of largest variance first; shape (components, d).

    Parameters
    ----------
    centred
        Shape (n, d), with means of 0.
    components
        How many, at most min(n, d).
    method
        All find the same axes, up to their signs: ``svd`` from the rows, best where n < d; ``covariance`` from the
        products of the columns, quicker where n > d, a little less exact; ``randomized`` in a tenth of the time, near
        enough for a search of neighbours (Halko, Martinsson and Tropp, SIAM Review 53, 2011).
    """
    if method == "randomized":
        from sklearn.decomposition import PCA

        found: np.ndarray = PCA(components, svd_solver="randomized", random_state=0).fit(centred).components_
        return found
    if method == "svd":
        return np.asarray(np.linalg.svd(centred, full_matrices=False)[2][:components])
    from scipy.linalg import eigh

    d = centred.shape[1]
    return np.asarray(eigh(centred.T @ centred, subset_by_index=[d - components, d - 1])[1][:, ::-1].T)


def principal_components(values: np.ndarray, components: int = COMPONENTS) -> Callable[[np.ndarray], np.ndarray]:
    """Find the principal components of standardised features, and return what projects others on them.

    Parameters
    ----------
    values
        Shape (n, d); the first `PCA_ROWS` decide, so their order should be one of chance.
    components
        How many to keep, fewer where n or d is smaller.
    """
    seen = values[:PCA_ROWS]
    standard = Standardisation.of(seen)
    scaled = standard(seen)
    d = scaled.shape[1]
    kept = min(components, d, max(1, len(seen) - 1))
    vectors = principal_axes(scaled, kept, "svd" if len(seen) < d else "covariance").T
    matrix = vectors / standard.deviation[:, None]
    origin = (standard.mean / standard.deviation) @ vectors

    def project(others: np.ndarray) -> np.ndarray:
        projected: np.ndarray = others @ matrix - origin
        return projected

    return project
