"""Undersampling by representatives: of every cluster of a large class, the image in its middle.

What is cut away are images much like one that stays, where chance would thin out the odd ones as well (Yen and Lee,
Expert Systems with Applications 36, 2009).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.neighbourhoods import neighbourhoods, quotas
from tasks.balance.originals import Originals
from tasks.balance.resample import Undersampler


class KMeansRepresentatives(Undersampler):
    """Leaves images out until no class has more than the target asks for; keeps the middles of k-means clusters."""

    name: Literal["k_means"] = "k_means"
    needs_features = True

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        times = np.zeros(len(originals.labels), dtype=np.int64)
        for near, kept in zip(neighbourhoods(originals), quotas(originals, self.kept(originals)), strict=True):
            for name, quota in kept.items():
                of_class = near.labels == name
                times[near.images[of_class][_representatives(near.vectors[of_class], quota)]] = 1
        return times


def _representatives(vectors: NDArray[np.float32], quota: int) -> list[int]:
    """`quota` of the `vectors`, each the nearest to the middle of a cluster, none twice."""
    from sklearn.cluster import KMeans

    if quota in (0, len(vectors)):
        return list(range(quota))
    distances = KMeans(quota, n_init=1, random_state=0).fit(vectors).transform(vectors)
    chosen: list[int] = []
    for cluster in range(quota):
        distances[chosen] = np.inf  # of images that look the same, one could be the nearest to two middles
        chosen.append(int(distances[:, cluster].argmin()))
    return chosen
