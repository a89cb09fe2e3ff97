"""What the surroundings of corners and blobs look like: moments of SIFT descriptors (Lowe, IJCV 60, 2004).

The usual bag of visual words needs a vocabulary, which is fitted to images: features are made once, before there are
folds, so a vocabulary would have seen the images that a fold's models are scored on. Mean and deviation need none; they
are a Fisher vector of a single Gaussian (Perronnin and Dance, CVPR 2007), of descriptors after a square root
(Arandjelovic and Zisserman, CVPR 2012), with the image and its quarters apart (Lazebnik et al., CVPR 2006).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.features.hand_made import HandMade

LENGTH = 128  # of a descriptor
PLACES = 5  # the image and its quarters


class SiftMoments(HandMade):
    """1,285 features, 0 to 7: of the image and each quarter 128 means, 128 deviations and the log of how many points.

    A place without points has zeros. Descriptors are of the grey image and turn with it.
    """

    name: Literal["sift_moments"] = "sift_moments"
    packages: ClassVar[tuple[str, ...]] = ("opencv-python-headless", "numpy")
    points: int = Field(500, ge=1, le=1000, description="Points of an image at most: those of most contrast.")

    @property
    def dimensions(self) -> int:
        """See `Backbone`."""
        return PLACES * (2 * LENGTH + 1)

    def describe(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """See `HandMade`."""
        import cv2

        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        found, descriptors = cv2.SIFT.create(nfeatures=self.points).detectAndCompute(grey, None)
        if not found:
            return np.zeros(self.dimensions)
        at = np.array([point.pt for point in found]) >= self.image_size / 2
        roots = np.sqrt(descriptors / np.maximum(descriptors.sum(1, keepdims=True), 1).astype(np.float64))
        quarters = [(at == (right, low)).all(1) for low in (False, True) for right in (False, True)]
        return np.concatenate([_moments(roots[chosen]) for chosen in [np.ones(len(at), dtype=bool), *quarters]])


def _moments(roots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean, deviation and the log of 1 + the number of descriptors, shape (257,)."""
    if not len(roots):
        return np.zeros(2 * LENGTH + 1)
    return np.concatenate([roots.mean(0), roots.std(0), [np.log1p(len(roots))]])
