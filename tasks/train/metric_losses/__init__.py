"""Metric losses, for the family `similarity`: what draws images of a class together and others apart.

Each looks at a whole batch of directions, not at an image, so none of them is a loss of a strategy
(`tasks.train.losses`). A new one is one new file.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tasks.registry import Component

if TYPE_CHECKING:
    from torch import Tensor


class MetricLoss(Component):
    """A loss of a batch of unit vectors, the less the more alike those of a class and the less alike all others are."""

    kind: ClassVar[str] = "metric loss"

    @abstractmethod
    def of_batch(self, units: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch, a scalar, finite and not negative; so is its gradient finite.

        Parameters
        ----------
        units
            Shape (n, d), n of at least 2, rows of length 1, of any floating type.
        targets
            Shape (n,), int64: the class of each; only whether two are equal counts.
        """


def mean_where(values: Tensor, found: Tensor) -> Tensor:
    """The mean of those `values` that were `found`, a scalar; 0 with a gradient of 0 where there are none."""
    return values[found].sum() / found.sum().clamp(min=1)
