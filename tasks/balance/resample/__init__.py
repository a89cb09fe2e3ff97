"""Resampling: how often each training image stands in the balanced set. A new rule is one new file here."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tasks.registry import Part


class Resample(Part):
    """Decides which originals are used, and how often; makes no new images."""

    kind: ClassVar[str] = "resample"

    def times(self, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """How often each training image is used.

        Parameters
        ----------
        labels
            Class of each image, shape (n,).
        order
            Shape (n,), no value twice, random with respect to everything but the image's content: where only some
            images of a class get something, those with the smallest values do.

        Returns
        -------
        numpy.ndarray
            Shape (n,), integers: 0 leaves the image out, 1 takes it as it is, 3 takes it and two exact copies.
        """
        raise NotImplementedError
