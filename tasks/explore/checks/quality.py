"""Quality: single images that are dark, blurred, empty or odd, and may be mistakes.

Each limit is either absolute, where an image is of little use whatever the others are like, or far out of what the
other images are (never of those of its class: a class may differ as a whole). What holds for much of a data set is its
nature and no fault of single images: it is told in a sentence, and flags nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Grid, Shown
from tasks.explore.picture import shares

if TYPE_CHECKING:
    import pandas as pd

    from tasks.explore.dataset import Dataset
    from tasks.explore.picture import Picture

NATURE = 0.2  # share of all images above which a flag tells what the data is like
SHOWN = 8  # thumbnails a flag, the worst first

DARK = 0.32  # of CleanVision: even the brightest percent of the pixels is no brighter, in no channel
BRIGHT = 0.95  # of CleanVision: but for 5%, all pixels are brighter
# Texture blurred by a Gaussian of s pixels has a detail of sqrt(2) / s**2: 0.12 is s = 3.4, that is 2.7% of the view's
# side. Of 300 photos of solar cells and 300 drawings none lies below 0.16; blurred by 4% of their longer side, all
# photos and nineteen of twenty drawings lie below 0.12.
BLURRY = 0.12
ROUNDING = 20 / 12  # variance that rounding to whole grey levels adds to the Laplacian
EVEN = 0.02  # contrast, five grey levels: what a camera's noise makes of a blank wall
EMPTY = 0.5  # bits of the luminance: one tone that covers nine tenths leaves as much
FENCE = 3.0  # quartile distances beyond the quartiles, where Tukey calls a value far out
OTHER_SIZE, OTHER_SHAPE = 2.0, 1.5  # and a ratio to the median, where (nearly) all images are alike


@dataclass(frozen=True)
class Flag:
    """What may be wrong with an image.

    Attributes
    ----------
    name
        As ``flags.parquet`` calls it.
    rule
        When an image is flagged, in words.
    scores
        One an image, larger for what is worse; nan where the image is in order.
    captions
        One an image: the number that decides.
    """

    name: str
    rule: str
    scores: np.ndarray
    captions: list[str]


class Quality(Check):
    """Dark, bright, blurry, low information, odd size, odd aspect ratio, grey among colour."""

    name: Literal["quality"] = "quality"
    title = "Quality of single images"
    question = "Which images are of little use, or unlike all others in a simple way?"
    order = 25

    def measure(self, picture: Picture) -> dict[str, float]:
        """Entropy of the luminance in bits, 0 to 8; 99th percentile of the strongest channel, 0 to 1."""
        held = picture.histogram[picture.histogram > 0]
        return {
            "information": abs(float((held * np.log2(held)).sum())),
            "brightest_channel": float(shares(picture.strongest).cumsum().searchsorted(0.99)) / 255,
        }

    def summarise(self, dataset: Dataset) -> Finding:
        """The images that each flag holds for, the worst first; flags that hold for many are told, not listed."""
        images = dataset.images
        numbers, flagged, blocks, nature = {}, {}, [], []
        for flag in find_flags(images):
            rows = np.flatnonzero(~np.isnan(flag.scores))
            share = len(rows) / len(images)
            numbers[flag.name] = {"images": len(rows), "share": share, "flagged": 0 < share <= NATURE}
            if share > NATURE:
                nature.append(f"{share:.0%} of the images are {flag.name.replace('_', ' ')} ({flag.rule})")
            elif len(rows):
                rows = rows[np.lexsort([images["image_id"].to_numpy()[rows], -flag.scores[rows]])]
                flagged[flag.name] = {images.loc[row, "image_id"]: float(flag.scores[row]) for row in rows}
                blocks.append(_block(flag, images, rows))
        counts = [
            [name.replace("_", " "), f"{one['images']:,}", f"{one['share']:.1%}"] for name, one in numbers.items()
        ]
        told = [f"That is what this data looks like, so no single image is flagged for it: {'; '.join(nature)}."]
        first = Block(text=told[0] if nature else "", grid=Grid(["flag", "images", "share"], counts))
        total = len(set().union(*flagged.values()))
        each = ", ".join(f"{len(scores):,} {name.replace('_', ' ')}" for name, scores in flagged.items())
        watch = [f"{total:,} images may be of little use or mistakes: {each}. Look at them before training."]
        every_flag = {name: flagged.get(name, {}) for name in numbers}
        return Finding(numbers, [first, *blocks], watch if total else [], every_flag)


def find_flags(images: pd.DataFrame) -> list[Flag]:
    """All flags of a table of images with the measures of `explore`."""
    column = {name: images[name].to_numpy(dtype=float) for name in NEEDED}
    sharpest = np.maximum(column["sharpness"], column["sharpness_reduced"])
    detail = np.sqrt(np.maximum(sharpest - ROUNDING, 0)) / np.maximum(255 * column["contrast"], 1)
    even = column["contrast"] < EVEN
    emptiness = np.maximum(1 - column["information"] / EMPTY, 1 - column["contrast"] / EVEN)
    side = np.sqrt(column["width"] * column["height"])
    size, size_limits = _far_out(side, OTHER_SIZE)
    shape, shape_limits = _far_out(column["aspect_ratio"], OTHER_SHAPE)
    pixels = [f"{width:.0f} x {height:.0f}" for width, height in zip(column["width"], column["height"], strict=True)]
    return [
        Flag(
            "dark",
            f"99% of the pixels are below {DARK} in red, green and blue",
            _where(column["brightest_channel"] < DARK, 1 - column["brightest_channel"]),
            [f"{value:.2f}" for value in column["brightest_channel"]],
        ),
        Flag(
            "bright",
            f"95% of the pixels have a luminance above {BRIGHT}",
            _where(column["shadows"] > BRIGHT, column["shadows"]),
            [f"{value:.2f}" for value in column["shadows"]],
        ),
        Flag(
            "blurry",
            f"the detail is below {BLURRY}: deviation of the Laplacian over that of the luminance, at full or reduced "
            "size, whichever is more",
            _where((detail < BLURRY) & ~even, 1 - detail / BLURRY),
            [f"{value:.2f}" for value in detail],
        ),
        Flag(
            "low_information",
            f"the contrast is below {EVEN}, or the luminance holds less than {EMPTY} bit",
            _where(emptiness > 0, emptiness),
            [f"{c:.2f}, {bits:.1f} bit" for c, bits in zip(column["contrast"], column["information"], strict=True)],
        ),
        Flag("odd_size", f"the geometric mean of the sides is {size_limits.format('.0f')} pixels", size, pixels),
        Flag("odd_aspect_ratio", f"width over height is {shape_limits.format('.2f')}", shape, pixels),
        Flag(
            "grey",
            "the image has no colour, and most others have",
            _where((column["grey"] == 1) & (column["grey"].mean() < 0.5), column["grey"]),
            ["" for _ in column["grey"]],
        ),
    ]


NEEDED = (
    *("brightest_channel", "shadows", "contrast", "information", "sharpness", "sharpness_reduced"),
    *("width", "height", "aspect_ratio", "grey"),
)


@dataclass(frozen=True)
class Limits:
    """What most images lie between."""

    low: float
    high: float

    def format(self, number: str) -> str:
        """In words."""
        return f"below {self.low:{number}} or above {self.high:{number}}"


def _far_out(values: np.ndarray, ratio: float) -> tuple[np.ndarray, Limits]:
    """How many times (as a logarithm of base 2) values lie off the median, where they are far out, and the limits."""
    logs = np.log2(values)
    lower, median, upper = np.percentile(logs, [25, 50, 75])
    reach = FENCE * (upper - lower)
    low, high = min(lower - reach, median - np.log2(ratio)), max(upper + reach, median + np.log2(ratio))
    return _where((logs < low) | (logs > high), np.abs(logs - median)), Limits(float(2**low), float(2**high))


def _where(flagged: np.ndarray, scores: np.ndarray) -> np.ndarray:
    return np.where(flagged, scores, np.nan)


def _block(flag: Flag, images: pd.DataFrame, rows: np.ndarray) -> Block:
    """The worst images of a flag; only training images show their class."""
    shown = []
    for row in rows[:SHOWN]:
        image = images.loc[row]
        known = image["part"] == "train" and isinstance(image["label"], str)
        of = image["label"] if known else f"{image['part']} part"
        shown.append(Shown(image["path"], " · ".join(part for part in (flag.captions[row], of) if part)))
    number = f"{len(rows):,} image{'s' if len(rows) > 1 else ''}"
    text = f"{number}: {flag.rule}.{' The worst:' if len(rows) > SHOWN else ''}"
    return Block(flag.name.replace("_", " ").capitalize(), text, images=[shown])
