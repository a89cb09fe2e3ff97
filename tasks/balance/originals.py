"""The originals: what a recipe's components know of the training images when they decide who is used, how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Originals:
    """The training images, column by column, n of them.

    Attributes
    ----------
    labels
        Class of each image, shape (n,).
    folds
        The fold of each, shape (n,).
    order
        Shape (n,), no value twice, random with respect to everything but the image's content: where only some images
        of a class get something, those with the smallest values do.
    features
        Feature vector of each, shape (n, d), float32; None where no component asks for them.
    """

    labels: NDArray[np.object_]
    folds: NDArray[np.int64]
    order: NDArray[np.str_]
    features: NDArray[np.float32] | None = None

    @property
    def classes(self) -> list[str]:
        """The class names, sorted."""
        return sorted(set(self.labels))

    def counts(self, times: NDArray[np.int64] | None = None) -> dict[str, int]:
        """Rows a class, where each image stands in the set `times` often, shape (n,); once, where None."""
        often = np.ones(len(self.labels), dtype=np.int64) if times is None else times
        return {name: int(often[self.labels == name].sum()) for name in self.classes}
