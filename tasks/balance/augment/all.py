"""New images of every class alike: what augmentation does without rebalancing.

Here "was changed" says nothing of the class, and the classes keep their shares; compare with the set as it was. It is
no control of `minority`, which differs in two things, the balance and the share of changed images a class; what new
pixels add over copies is seen between `minority` and plain oversampling to the same counts.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tasks.balance.augment import Augment


class All(Augment):
    """Makes `copies` new images for every row of the resampled set."""

    copies: int = Field(1, ge=1, le=1000, description="New images for every image of the set.")

    def new_images(self, labels: np.ndarray, times: np.ndarray, order: np.ndarray) -> np.ndarray:
        """The same number a row; see `Augment.new_images`."""
        return times * self.copies
