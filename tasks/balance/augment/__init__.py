"""Augmenting: how many new images are made of each training image. A new rule is one new file here."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tasks.registry import Part


class Augment(Part):
    """Decides which images get changed copies, and how many; how they are changed is the transforms' business."""

    kind: ClassVar[str] = "augment"

    def new_images(self, labels: np.ndarray, times: np.ndarray, order: np.ndarray) -> np.ndarray:
        """How many new images are made of each training image.

        Parameters
        ----------
        labels
            Class of each training image, shape (n,).
        times
            How often each stands in the resampled set, shape (n,); one that stands there 0 times gets no new images.
        order
            Shape (n,), no value twice; see `tasks.balance.resample.Resample.times`.

        Returns
        -------
        numpy.ndarray
            Shape (n,), integers.
        """
        raise NotImplementedError
