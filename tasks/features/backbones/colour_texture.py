"""Colours and textures of the whole image, whatever is where: histograms, moments, patterns and grey-level pairs."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.features.hand_made import HandMade, scikit_image

HUES, LEVELS = 16, 8  # bins of hue, and of saturation and brightness
RINGS = ((8, 1), (16, 2), (24, 3))  # points and radius of local binary patterns
GREYS = 32  # levels of which pairs are counted
DISTANCES = (1, 2, 4)
ANGLES = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation", "entropy")


class ColourTexture(HandMade):
    """131 features; needs the extra ``handmade``.

    32 of colour histograms (16 hues weighted by saturation, 8 saturations, 8 brightnesses; shares of the pixels); 9
    moments, of each RGB channel the mean, the deviation and the cube root of the third, as shares of 255 (Stricker and
    Orengo, SPIE 1995); 54 of uniform local binary patterns that don't change with rotation, at radius 1, 2 and 3 (Ojala
    et al., PAMI 2002); 36 of pairs of grey levels at distance 1, 2 and 4 (Haralick et al., SMC 1973): of six properties
    the mean and the range of four directions.
    """

    name: Literal["colour_texture"] = "colour_texture"
    packages: ClassVar[tuple[str, ...]] = ("scikit-image", "opencv-python-headless", "numpy")

    @property
    def dimensions(self) -> int:
        """See `Backbone`."""
        patterns = sum(points + 2 for points, _ in RINGS)
        return HUES + 2 * LEVELS + 9 + patterns + 2 * len(PROPERTIES) * len(DISTANCES)

    def describe(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """See `HandMade`."""
        import cv2

        grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        return np.concatenate([_histograms(pixels), _moments(pixels), _patterns(grey), _pairs(grey)])


def _histograms(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of hue, saturation and brightness, shape (32,)."""
    import cv2

    hue, saturation, value = np.moveaxis(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL).astype(np.int64), -1, 0)
    parts = [
        np.bincount((hue * HUES // 256).ravel(), saturation.ravel() / 255, HUES),
        np.bincount((saturation * LEVELS // 256).ravel(), minlength=LEVELS),
        np.bincount((value * LEVELS // 256).ravel(), minlength=LEVELS),
    ]
    return np.asarray(np.concatenate(parts) / hue.size)


def _moments(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean, deviation and cube root of the third moment of each channel, shape (9,)."""
    values = pixels.reshape(-1, 3) / 255
    away = values - values.mean(0)
    return np.concatenate([values.mean(0), np.sqrt((away**2).mean(0)), np.cbrt((away**3).mean(0))])


def _patterns(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Shares of uniform local binary patterns, by the number of brighter neighbours; shape (54,)."""
    pattern = scikit_image("feature").local_binary_pattern
    found = [(pattern(grey, points, radius, "uniform").astype(np.int64), points + 2) for points, radius in RINGS]
    return np.concatenate([np.bincount(codes.ravel(), minlength=size) / codes.size for codes, size in found])


def _pairs(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean and range, over directions, of each property at each distance; shape (36,)."""
    feature = scikit_image("feature")
    levels = (grey // (256 // GREYS)).astype(np.uint8)
    counts = feature.graycomatrix(levels, DISTANCES, ANGLES, GREYS, symmetric=True, normed=True)
    found = np.stack([feature.graycoprops(counts, name) for name in PROPERTIES])
    return np.concatenate([found.mean(-1).ravel(), np.ptp(found, axis=-1).ravel()])
