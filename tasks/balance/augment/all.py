"""New images of every class alike: the control of `minority`.

Here "was changed" says nothing of the class, and the classes keep their shares. What `minority` gains beyond this comes
from the balance, and what it loses beyond this from the traces that the changes leave in the small classes alone.
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
