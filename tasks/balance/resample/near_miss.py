"""NearMiss: of the large classes, the images that lie nearest to the smallest class (Mani and Zhang, ICML workshop
2003).

It keeps the border and trusts every label there, so look at suspect labels first.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.neighbourhoods import neighbourhoods, quotas
from tasks.balance.originals import Originals
from tasks.balance.resample import Undersampler

NEIGHBOURS = 3  # of the smallest class, as in the paper


class NearMissResample(Undersampler):
    """Leaves images out until no class has more than the target asks for; keeps those near the smallest class."""

    name: Literal["near_miss"] = "near_miss"
    needs_features = True
    version: int = Field(
        1, ge=1, le=2, description="1: near to the nearest images of the smallest class; 2: to its farthest."
    )

    def times(self, originals: Originals) -> NDArray[np.int64]:
        """Once or not at all; see `Resample.times`."""
        from imblearn.under_sampling import NearMiss

        times = np.zeros(len(originals.labels), dtype=np.int64)
        for near, kept in zip(neighbourhoods(originals), quotas(originals, self.kept(originals)), strict=True):
            names, there = np.unique(near.labels, return_counts=True)
            if len(names) == 1:  # nothing to be near to: the order of content decides
                times[near.images[: kept[names[0]]]] = 1
                continue
            sampler = NearMiss(
                sampling_strategy={name: kept[name] for name, n in zip(names, there, strict=True) if kept[name] < n},
                version=self.version,
                n_neighbors=min(NEIGHBOURS, int(there.min())),
            )
            sampler.fit_resample(near.vectors, near.labels.astype(str))
            times[near.images[sampler.sample_indices_]] = 1
        return times
