"""Glances: the normalised pictures, small enough that each can be compared with all others of its class."""

from __future__ import annotations

import cv2
import numpy as np

from tasks.group.likeness import normalised
from tasks.statistics.scaling import unit_vectors

GLANCE = 32  # pixels a side at which look-alikes are looked for
FAINT = 1e-3  # magnitude that counts as none


def reduced(pictures: np.ndarray) -> np.ndarray:
    """The normalised pictures at a glance: small, each of mean 0, shape (n, `GLANCE`, `GLANCE`), float32."""
    small = np.stack([cv2.resize(normalised(one), (GLANCE, GLANCE), interpolation=cv2.INTER_AREA) for one in pictures])
    return np.asarray(small - small.mean(axis=(1, 2), keepdims=True))


def spectra(small: np.ndarray) -> np.ndarray:
    """What is particular to the spatial frequencies of each of the `reduced` pictures, shape (n, d), float32, norm 1.

    The logarithm of the magnitudes of its Fourier transform, less their mean over all pictures: the same wherever an
    object stands in the picture, and without what all pictures have in common.
    """
    edge = np.hanning(GLANCE + 2)[1:-1]
    window = np.sqrt(np.outer(edge, edge))
    made = np.empty((len(small), GLANCE * (GLANCE // 2 + 1)), dtype=np.float32)
    for row, one in enumerate(small):
        made[row] = np.log(np.abs(np.fft.rfft2(one * window)) + FAINT).ravel()
    return unit_vectors(made - made.mean(axis=0))
