"""Fingerprints of an image: of its pixels, of what it looks like, and of how sharp it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

HASH_SIDE = 8  # bits a side of the perceptual hash
HASH_PIXELS = 32  # pixels a side that the perceptual hash sees

# How a square image can lie; the last four are the first four after transposing.
TURNS = ("as it is", "mirrored", "turned 180", "flipped", "transposed", "turned 270", "transversed", "turned 90")

_SIGNS = np.where(np.arange(HASH_SIDE) % 2, -1.0, 1.0)  # of the frequencies once an axis is turned round
_COSINES = np.cos(
    np.pi / (2 * HASH_PIXELS) * np.outer(np.arange(HASH_SIDE), 2 * np.arange(HASH_PIXELS) + 1)
)  # the first rows of the DCT-II


def file_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pixel_hash(rgb: Image.Image) -> str:
    """16 hex digits of the BLAKE2b hash of an RGB image's size and pixels.

    Equal for files that decode to the same pixels, whatever their format, metadata or mode.
    """
    digest = hashlib.blake2b(f"{rgb.width}x{rgb.height}:".encode(), digest_size=8)
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def perceptual_hashes(rgb: Image.Image) -> list[str]:
    """The 64-bit DCT hash (pHash) of an image in each of its eight `TURNS`, 16 hex digits each.

    Near images differ in few bits. The image is made grey and 32 x 32 pixels; of its two-dimensional DCT-II the 8 x 8
    lowest frequencies are kept, and each bit says whether a coefficient lies above their median (row by row, first bit
    highest). Zauner, *Implementation and benchmarking of perceptual image hash functions*, 2010. Turning an image
    swaps the axes of its coefficients, or changes the sign of the odd ones.
    """
    grey = rgb.convert("L").resize((HASH_PIXELS, HASH_PIXELS), Image.Resampling.LANCZOS, reducing_gap=3.0)
    upright = _COSINES @ np.asarray(grey, dtype=np.float64) @ _COSINES.T
    upright = upright.round(3)  # what is zero but for rounding must not decide a bit
    turned = np.array(
        [
            coefficients * across * down
            for coefficients in (upright, upright.T)
            for across, down in ((1, 1), (_SIGNS, 1), (_SIGNS, _SIGNS[:, None]), (1, _SIGNS[:, None]))
        ]
    ).reshape(len(TURNS), -1)
    bits = turned > np.median(turned, axis=1, keepdims=True)
    return [one.tobytes().hex() for one in np.packbits(bits, axis=1)]


def sharpness(grey: np.ndarray) -> float:
    """Variance of the discrete Laplacian with four neighbours, in grey levels squared: near 0 for a blurred image.

    `grey` is the luminance, uint8, shape (height, width). Pech-Pacheco et al., *Diatom autofocusing in brightfield
    microscopy*, 2000.
    """
    import cv2

    laplacian = cv2.Laplacian(grey, cv2.CV_16S)
    return float(cv2.norm(laplacian, cv2.NORM_L2SQR) / laplacian.size - cv2.mean(laplacian)[0] ** 2)
