"""PatchCore: a bank of normal places, and how far each place of an image is from it (Roth et al., CVPR 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.detecting.coreset import greedy_coreset, projected
from tasks.train.detecting.maps import OnMaps, squared_distances
from tasks.train.detectors import Arrays

if TYPE_CHECKING:
    from tasks.train.detecting.shown import Shown

MOST = 700  # whose power a double can still hold


class PatchCore(OnMaps):
    """The distance of the farthest place to the nearest one of the bank, times its weight.

    With ``m`` the place, ``m*`` the nearest of the bank and N the `neighbours` of the bank nearest to ``m*``, itself
    among them, the weight is ``1 - exp |m - m*| / sum_N exp |m - n|``: less where the bank is dense. The bank is a
    greedy coreset of as many places of each image, drawn by chance; the paper's is one of all places, which grow with
    the images.
    """

    name: Literal["patchcore"] = "patchcore"
    patches: int = Field(20_000, ge=2, le=1_000_000, description="Places of all images that the bank is chosen from.")
    bank: int = Field(1000, ge=2, le=100_000, description="Places that are kept.")
    neighbours: int = Field(9, ge=0, le=100, description="Places of the bank that weigh a distance; 0: none.")

    def learn(self, normal: Shown, seed: int) -> Arrays:
        """See `OnMaps`; ``bank``: shape (n, c), ``near``: the places of the bank nearest to each, (n, `neighbours`)."""
        stream = np.random.default_rng(seed)
        each = -(-self.patches // len(normal))
        drawn = []
        for maps in self.maps(normal):
            places = maps.reshape(-1, maps.shape[2])
            drawn.append(stream.permutation(places)[:each])
        rows = np.concatenate(drawn)
        chosen = greedy_coreset(projected(rows, stream), self.bank, int(stream.integers(len(rows))))
        bank = rows[chosen]
        near = np.argsort(squared_distances(bank, bank), axis=1, kind="stable")[:, : self.neighbours]
        return {"bank": bank, "near": near.astype(np.int32)}

    def far(self, maps: NDArray[np.float32], arrays: Arrays) -> NDArray[np.float64]:
        """See `OnMaps`."""
        nearest = squared_distances(maps.reshape(-1, maps.shape[2]), arrays["bank"]).min(axis=1)
        distances: NDArray[np.float64] = np.sqrt(nearest).reshape(maps.shape[:2])
        return distances

    def degree(self, far: NDArray[np.float64], maps: NDArray[np.float32], arrays: Arrays) -> float:
        """See `OnMaps`."""
        bank, near = arrays["bank"], arrays["near"]
        place = maps.reshape(-1, maps.shape[2])[[far.argmax()]]
        distances = np.sqrt(squared_distances(place, bank)[0])
        nearest = int(distances.argmin())
        around = distances[near[nearest]]
        if len(around) < 2:
            return float(distances[nearest])
        farther = np.minimum(around - distances[nearest], MOST)  # differences, since powers of distances overflow
        return float(distances[nearest] * (1 - 1 / np.exp(farther).sum()))
