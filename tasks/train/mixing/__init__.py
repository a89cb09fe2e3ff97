"""Mixing while training: every batch is blended, or pasted, from its own rows and a permutation of them.

Nothing is stored, and every step sees other mixes. The stored counterpart, which people can look at, is `mix` of a
recipe. A mixing works on a batch of inputs of any shape, so one on features and one on images are the same component;
what cuts regions needs images.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.mixing_formulas import beta_share, box_share, cut_box
from tasks.registry import Component

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels

ALPHA = "Of Beta(alpha, alpha): near 0 hardly any mixing, 1 every share alike often."


class Mixing(Component):
    """Makes soft-labelled inputs of a batch."""

    kind: ClassVar[str] = "mixing"
    inputs: ClassVar[str] = "any"  # what a family must take for it: any, or images
    not_on_mixed_rows: ClassVar[str] = "mixes rows of one class each"  # why it takes no rows of two classes

    @abstractmethod
    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """MixedImages a batch; what is handed in stays as it is.

        Parameters
        ----------
        inputs
            Shape (n, ...), floating point: features (n, d), or images (n, channels, height, width).
        labels
            Of the rows, of one class each.
        counts
            Shape (K,), positive: rows a class as the sampler draws them.
        chance
            Where chance comes from.

        Returns
        -------
        Tensor, Labels
            Mixed inputs, of the shape of `inputs`, and what they are now.
        """

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Label mass a class that mixing is expected to leave.

        Partners are taken as drawn like the rows themselves and independently of them. A permutation of a batch of B
        makes a row its own partner once in B, and is off by as much.

        Parameters
        ----------
        counts
            Shape (K,), positive: rows a class as the sampler draws them.

        Returns
        -------
        ndarray
            Shape (K,), with the same sum. `counts` themselves where label and input are shared alike: a row gives away
            on average what it gets.
        """
        return counts


def blend(inputs: Tensor, alpha: float, chance: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Inputs laid over a permutation of themselves.

    Parameters
    ----------
    inputs
        Shape (n, ...).
    alpha
        Of ``lambda ~ Beta(alpha, alpha)``, one a batch.
    chance
        Where chance comes from.

    Returns
    -------
    Tensor, Tensor, float
        The new inputs, the row that each was mixed with, shape (n,), and lambda, the share that is their own.
    """
    import torch

    share = beta_share(alpha, chance)
    partner = torch.from_numpy(chance.permutation(len(inputs)))
    return torch.lerp(inputs.index_select(0, partner), inputs, share), partner, share


def paste(inputs: Tensor, partner: Tensor, alpha: float, chance: np.random.Generator) -> tuple[Tensor, float]:
    """Images with one box taken from their partners, ``1 - lambda`` of the area before clipping.

    Parameters
    ----------
    inputs
        Shape (n, ..., height, width).
    partner
        Shape (n,), int64: the row that each gets its box from.
    alpha
        Of ``lambda ~ Beta(alpha, alpha)``.
    chance
        Where chance comes from.

    Returns
    -------
    Tensor, float
        The new images, and the share of their area that is their own.
    """
    height, width = inputs.shape[-2:]
    left, top, right, bottom = cut_box(width, height, 1 - beta_share(alpha, chance), chance)
    pasted = inputs.clone()
    pasted[..., top:bottom, left:right] = inputs[partner][..., top:bottom, left:right]
    return pasted, 1 - box_share((left, top, right, bottom), width, height)
