"""Soft labels: a row of one class, or of two with a share each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from tasks.train.losses import Loss


@dataclass(frozen=True)
class Labels:
    """The labels of some rows, as a network trains on them.

    Attributes
    ----------
    first
        Shape (n,), int64: the class of every row, or the first of its two.
    mixed
        Where there are rows of two classes: the second class of every row, shape (n,), int64, and the share of the
        first, shape (n,), floating point, 0 to 1. None where every row has one class, which takes half the time.
    """

    first: Tensor
    mixed: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, first: NDArray[np.int64], second: NDArray[np.int64], share: NDArray[np.float32]) -> Labels:
        """The labels that arrays of shape (n,) hold."""
        import torch

        hard = (share == 1).all()
        return cls(torch.tensor(first), None if hard else (torch.tensor(second), torch.tensor(share)))

    def take(self, rows: Tensor) -> Labels:
        """The labels of `rows`, numbers of shape (m,)."""
        if self.mixed is None:
            return Labels(self.first[rows])
        second, share = self.mixed
        return Labels(self.first[rows], (second[rows], share[rows]))

    def loss(self, loss: Loss, logits: Tensor, counts: Tensor, weighing: float = 1.0) -> Tensor:
        """``share L(z, first) + (1 - share) L(z, second)`` of every row, shape (n,); arguments as of `Loss.per_image`.

        A loss an image that is linear in the label, as cross-entropy is, comes to the same with a soft target; with the
        others this is what mixup's authors do (Zhang et al. 2018).
        """
        weights = loss.weights_in_effect(counts.double().numpy(), weighing)
        return self.weighed(loss, logits, counts, logits.new_tensor(weights))

    def weighed(self, loss: Loss, logits: Tensor, counts: Tensor, weights: Tensor) -> Tensor:
        """The same with class `weights`, shape (K,), that are known."""
        first = loss.weighed(logits, self.first, counts, weights)
        if self.mixed is None:
            return first
        second, share = self.mixed
        return share * first + (1 - share) * loss.weighed(logits, second, counts, weights)


def joined(each: Sequence[Labels]) -> Labels:
    """Labels one behind the other."""
    import torch

    first = torch.cat([one.first for one in each])
    if all(one.mixed is None for one in each):
        return Labels(first)
    pairs = [one.mixed or (one.first, torch.ones(len(one.first))) for one in each]
    seconds, shares = zip(*pairs, strict=True)
    return Labels(first, (torch.cat(seconds), torch.cat(shares)))
