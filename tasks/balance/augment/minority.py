"""New images of the small classes only: the remedy that most tutorials recommend.

A model can learn the traces of the change itself (blur, noise) as a mark of the small classes; compare with `all`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.augment import Augment
from tasks.balance.originals import Originals
from tasks.balance.spread import spread_by_class
from tasks.balance.targets import AUGMENT_TO, Target


class Minority(Augment):
    """Fills every class up to what the target asks for, evenly over the class's images."""

    name: Literal["minority"] = "minority"
    to: Target = Field(Target.of("equal"), description=AUGMENT_TO)

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Augment.asked`."""
        return self.to.above(counts)

    def new_images(self, originals: Originals, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """As many as the class lacks; see `Augment.new_images`."""
        counts = originals.counts(times)
        lacking = {name: max(0, asked - counts[name]) for name, asked in self.asked(counts).items()}
        return spread_by_class(lacking, originals, among=times > 0)
