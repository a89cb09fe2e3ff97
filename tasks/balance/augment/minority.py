"""New images of the small classes only: the remedy that most tutorials recommend.

A model can learn the traces of the change itself (blur, noise) as a mark of the small classes; compare with `all`.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.balance.augment import Augment
from tasks.balance.spread import share, spread


class Minority(Augment):
    """Fills every class up to `target` times the largest class, evenly over the class's images."""

    target: float = Field(1.0, gt=0, le=1, description="Size of every class, as a share of the largest class.")

    def new_images(self, labels: np.ndarray, times: np.ndarray, order: np.ndarray) -> np.ndarray:
        """As many as the class lacks; see `Augment.new_images`."""
        copies = np.zeros(len(labels), dtype=np.int64)
        sizes = {name: int(times[labels == name].sum()) for name in np.unique(labels)}
        least = share(max(sizes.values()), self.target)
        for name, size in sizes.items():
            used = (labels == name) & (times > 0)
            copies[used] = spread(max(0, least - size), order[used])
        return copies
