"""PaDiM: what is normal at each place of the image, as a Gaussian a place (Defard et al., ICPR workshops 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.detecting.maps import OnMaps
from tasks.train.detectors import Arrays

if TYPE_CHECKING:
    from tasks.train.detecting.shown import Shown

RIDGE = 0.01  # on the diagonal of every covariance, as in the paper


class Padim(OnMaps):
    """Mahalanobis's distance of each place to the mean of that place, and of an image that of the farthest one.

    Of all maps `dimensions` are drawn by chance, which does as well as principal components.
    """

    name: Literal["padim"] = "padim"
    dimensions: int = Field(64, ge=1, le=512, description="Maps that are drawn of all; all where there are fewer.")

    def learn(self, normal: Shown, seed: int) -> Arrays:
        """See `OnMaps`.

        ``chosen``: the numbers of the maps, shape (d,); of each of p places ``centre``, (p, d), and ``whitening``,
        (p, d, d), which makes a distance of what is left of it.
        """
        stream, number = self.maps(normal), len(normal)
        maps = next(stream)
        chosen = np.sort(np.random.default_rng(seed).permutation(maps.shape[2])[: self.dimensions])
        first = _places(maps, chosen)
        sums, products = np.zeros_like(first), np.zeros((*first.shape, len(chosen)))
        for maps in stream:
            moved = _places(maps, chosen) - first  # near 0, so that differences of squares lose nothing
            sums += moved
            products += moved[:, :, None] * moved[:, None, :]
        mean = sums / number
        covariances = (products - number * mean[:, :, None] * mean[:, None, :]) / max(number - 1, 1)
        whitening = np.linalg.inv(np.linalg.cholesky(covariances + RIDGE * np.eye(len(chosen))))
        return {
            "chosen": chosen,
            "centre": (mean + first).astype(np.float32),
            "whitening": whitening.astype(np.float32),
        }

    def far(self, maps: NDArray[np.float32], arrays: Arrays) -> NDArray[np.float64]:
        """See `OnMaps`."""
        left = _places(maps, arrays["chosen"]) - arrays["centre"]
        white = (arrays["whitening"].astype(np.float64) @ left[:, :, None])[:, :, 0]
        distances: NDArray[np.float64] = np.sqrt((white**2).sum(axis=1)).reshape(maps.shape[:2])
        return distances


def _places(maps: NDArray[np.float32], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Some maps as rows, shape (p, d)."""
    return maps.reshape(-1, maps.shape[2])[:, chosen].astype(np.float64)
