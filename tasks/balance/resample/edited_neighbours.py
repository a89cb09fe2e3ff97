"""Edited nearest neighbours: images of the larger classes whose neighbours are of another class go (Wilson, IEEE
Transactions on Systems, Man and Cybernetics 2, 1972).

It clears the border instead of balancing counts. On classes that overlap much it takes away most of the larger ones.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.neighbourhoods import neighbourhoods
from tasks.balance.originals import Originals
from tasks.balance.resample import Resample


class EditedNeighboursResample(Resample):
    """Leaves out what its neighbours contradict; the smallest class stays whole."""

    name: Literal["edited_neighbours"] = "edited_neighbours"
    needs_features = True
    neighbours: int = Field(3, ge=1, le=50, description="Nearest images that an image is compared with.")

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        from imblearn.under_sampling import EditedNearestNeighbours

        counts = originals.counts()
        smallest = min(counts, key=lambda name: (counts[name], name))
        times = np.zeros(len(originals.labels), dtype=np.int64)
        for near in neighbourhoods(originals):
            names, numbers = np.unique(near.labels, return_inverse=True)
            if len(names) == 1:  # nothing contradicts
                times[near.images] = 1
                continue
            sampler = EditedNearestNeighbours(
                sampling_strategy=[number for number, name in enumerate(names) if name != smallest],
                n_neighbors=min(self.neighbours, len(numbers) - 1),
                kind_sel="mode",
            )
            sampler.fit_resample(near.vectors, numbers)
            times[near.images[sampler.sample_indices_]] = 1
        for name in originals.classes:
            if not times[originals.labels == name].any():  # all contradicted: one stays, so that the class does
                times[
                    np.flatnonzero(originals.labels == name)[np.argmin(originals.order[originals.labels == name])]
                ] = 1
        return times
