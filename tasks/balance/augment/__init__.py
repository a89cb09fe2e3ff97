"""Augmenting: how many new images are made of each training image. A new rule is one new file here."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tasks.balance.originals import Originals
from tasks.registry import Component


class Augment(Component):
    """Decides which images get changed copies, and how many; how they are changed is the transforms' business."""

    kind: ClassVar[str] = "augment"

    @abstractmethod
    def new_images(self, originals: Originals, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many new images are made of each training image.

        Parameters
        ----------
        originals
            The training images, n of them.
        times
            How often each stands in the resampled set, shape (n,); one that stands there 0 times gets no new images.

        Returns
        -------
        ndarray
            Shape (n,).
        """

    def asked(self, counts: dict[str, int]) -> dict[str, int] | None:
        """Rows a class that the rule is asked for, where `counts` are there; None for a rule without a target."""
        return None
