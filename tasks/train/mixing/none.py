"""No mixing: rows as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.mixing import Mixing

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels


class Unmixed(Mixing):
    """Leaves inputs and labels as they are, those of a recipe's mixed rows too."""

    name: Literal["none"] = "none"
    not_on_mixed_rows: ClassVar[str] = ""

    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """The batch itself."""
        return inputs, labels
