"""New images of every class alike: what augmentation does without rebalancing.

Here "was changed" says nothing of the class, and the classes keep their shares. Oversampling and augmentation are two
things, and the four combinations of `resample` and `augment` can be compared: neither (`none` and `none`), copies alone
(`oversample`, `none`), changed images alone (`none`, `all`), and both (`oversample`, `all`). `minority` does both at
once, and only there is "was changed" a mark of the small classes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.augment import Augment
from tasks.balance.originals import Originals


class All(Augment):
    """Makes `copies` new images for every row of the resampled set."""

    name: Literal["all"] = "all"
    copies: int = Field(1, ge=1, le=1000, description="New images for every row of the resampled set.")

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Augment.asked`."""
        return {name: count * (1 + self.copies) for name, count in counts.items()}

    def new_images(self, originals: Originals, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same number a row; see `Augment.new_images`."""
        return times * self.copies
