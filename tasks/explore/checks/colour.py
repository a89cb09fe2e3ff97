"""Colour: differs with the light, the camera and its white balance, and often with who took the photos of a class."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tasks.explore.charts import draw_histograms
from tasks.explore.checks import Block, Finding
from tasks.explore.comparison import Measure
from tasks.explore.picture import shares
from tasks.explore.properties import Property

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture

CHANNELS = ("red", "green", "blue")
BINS = 8  # of a channel's histogram
GREY = 12  # spread of red, green and blue up to which a pixel is grey: what JPEG's coarse colours make of none
COLOURED = 0.01  # share of coloured pixels from which an image isn't grey


class Colour(Property):
    """Saturation, colourfulness and warmth, images without colour, and the mean histogram of each class."""

    name: Literal["colour"] = "colour"
    title = "Colour"
    question = "Do the colours of some classes differ?"
    order = 50
    number = 3
    measures: ClassVar[dict[str, Measure]] = {
        "saturation": Measure("Saturation", "Mean saturation (HSV): 0 is grey, 1 is full colour.", 3),
        "colourfulness": Measure(
            "Colourfulness", "Hasler and Süsstrunk 2003: 0 is grey, 33 is moderately, 82 highly colourful.", 1
        ),
        "warmth": Measure("Warmth", "Mean of red minus blue: -1 is all blue, 1 all red.", 3),
        "grey": Measure("Grey", "Share of the images that have no colour.", 0, share=True),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """The four measures, and the share of the pixels in each bin of each channel's histogram."""
        import cv2

        red, green, blue = picture.channels
        spread = cv2.subtract(picture.strongest, cv2.min(cv2.min(red, green), blue))
        return {
            "saturation": cv2.mean(cv2.divide(spread, picture.strongest, scale=255))[0] / 255,
            "colourfulness": colourfulness(red, green, blue),
            "warmth": (cv2.mean(red)[0] - cv2.mean(blue)[0]) / 255,
            "grey": float(np.count_nonzero(spread > GREY) < COLOURED * spread.size),
            **{
                name: share
                for channel, values in zip(CHANNELS, picture.channels, strict=True)
                for name, share in zip(_bins(channel), shares(values, bins=BINS).tolist(), strict=True)
            },
        }

    def summarise(self, dataset: Dataset) -> Finding:
        """As for every property, and the mean histogram of each class."""
        found = super().summarise(dataset)
        means = dataset.details.loc[dataset.training.index].groupby(dataset.training["label"]).mean()
        histograms = {
            label: {channel: means.loc[label, _bins(channel)].tolist() for channel in CHANNELS}
            for label in dataset.classes
            if label in means.index
        }
        if not histograms or dataset.training["grey"].all():
            return found
        block = Block(
            "Mean histogram",
            f"The share of the pixels in each of {BINS} steps of red, green and blue, over a class's training images.",
            draw_histograms(histograms),
        )
        numbers = found.numbers | {"histograms": histograms}
        return Finding(numbers, [*found.blocks, block], found.watch)


def colourfulness(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> float:
    """The measure of Hasler and Süsstrunk, from the opponent channels red - green and (red + green) / 2 - blue.

    The sum of squares of the second follows from those of the differences of the three channels (parallelogram law).
    """
    import cv2

    apart = {
        names: cv2.norm(first, second, cv2.NORM_L2SQR) / red.size
        for names, first, second in (("rg", red, green), ("rb", red, blue), ("gb", green, blue))
    }
    means = [cv2.mean(channel)[0] for channel in (red, green, blue)]
    red_green, yellow_blue = means[0] - means[1], (means[0] + means[1]) / 2 - means[2]
    spread = apart["rg"] - red_green**2 + (2 * apart["rb"] + 2 * apart["gb"] - apart["rg"]) / 4 - yellow_blue**2
    return float(max(spread, 0.0) ** 0.5 + 0.3 * np.hypot(red_green, yellow_blue))


@cache
def _bins(channel: str) -> list[str]:
    return [f"{channel}.{bin:02}" for bin in range(BINS)]
