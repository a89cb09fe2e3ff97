"""Fingerprints of an image: of its pixels, and of what it looks like."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

HASH_SIDE = 8  # bits a side of the perceptual hash
HASH_PIXELS = 32  # pixels a side that the perceptual hash sees

_COSINES = np.cos(
    np.pi / (2 * HASH_PIXELS) * np.outer(np.arange(HASH_SIDE), 2 * np.arange(HASH_PIXELS) + 1)
)  # the first rows of the DCT-II


def pixel_hash(rgb: Image.Image) -> str:
    """16 hex digits of the SHA-256 of an RGB image's size and pixels.

    Equal for files that decode to the same pixels, whatever their format, metadata or mode.
    """
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()[:16]


def perceptual_hash(rgb: Image.Image) -> str:
    """The 64-bit DCT hash (pHash) of an image, 16 hex digits; near images differ in few bits.

    The image is made grey and 32 x 32 pixels; of its two-dimensional DCT-II the 8 x 8 lowest frequencies are kept, and
    each bit says whether a coefficient lies above their median (row by row, first bit highest). Zauner, *Implementation
    and benchmarking of perceptual image hash functions*, 2010.
    """
    grey = rgb.convert("L").resize((HASH_PIXELS, HASH_PIXELS), Image.Resampling.LANCZOS, reducing_gap=3.0)
    coefficients = _COSINES @ np.asarray(grey, dtype=np.float64) @ _COSINES.T
    coefficients = coefficients.round(3)  # what is zero but for rounding must not decide a bit
    bits = (coefficients > np.median(coefficients)).ravel()
    return np.packbits(bits).tobytes().hex()
