"""Changes of a batch of images as it comes: flips, shifts, crops and colour, all images at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

ASPECT = math.log(4 / 3)


class Augment(BaseModel):
    """How images are changed anew in every epoch.

    Attributes
    ----------
    flip, shift, crop, colour, grey
        See the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)
    flip: Literal["none", "horizontal", "both"] = Field("horizontal", description="Mirrored in half of the draws.")
    shift: float = Field(0.125, ge=0, le=0.5, description="Share of a side by which a crop is shifted, at most.")
    colour: float = Field(
        0.0, ge=0, lt=1, description="By which share brightness, contrast and saturation change, at most."
    )
    crop: float = Field(
        1.0, gt=0, le=1, description="Share of the area that a random crop keeps at least, scaled to full size; 1: all."
    )
    grey: float = Field(0.0, ge=0, le=1, description="Share of the draws that lose their colours.")

    def changed(
        self, images: NDArray[np.uint8], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.float32]:
        """Images with all changes, values 0 to 255; takes what `moved` takes."""
        moved = self.moved(images, wanted, chance).astype(np.float32)
        return self.coloured(self.cropped(moved, wanted, chance), wanted, chance)

    def moved(
        self, images: NDArray[np.uint8], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Flipped and shifted images; at an edge the picture goes on mirrored.

        Parameters
        ----------
        images
            Shape (n, h, w, 3).
        wanted
            Shape (n,): which are changed. Chance is drawn for all alike, so this leaves what happens to the others.
        chance
            Where chance comes from.
        """
        number, height, width = images.shape[:3]
        is_flipped = chance.random((2, number)) < 0.5
        down, across = chance.uniform(-1, 1, (2, number)) * self.shift * wanted
        rows = _places(height, down, is_flipped[0] & wanted & (self.flip == "both"))
        columns = _places(width, across, is_flipped[1] & wanted & (self.flip != "none"))
        moved: NDArray[np.uint8] = images[np.arange(number)[:, None, None], rows[:, :, None], columns[:, None]]
        return moved

    def cropped(
        self, images: NDArray[np.float32], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.float32]:
        """Random crops, scaled to the images' own size between neighbouring pixels; shape (n, h, w, 3).

        A crop keeps a share of the area between `crop` and 1 and an aspect ratio between 3/4 and 4/3 of the image's
        (Szegedy et al., Going Deeper with Convolutions, CVPR 2015); a side is never longer than the image's.
        """
        if self.crop == 1:
            return images
        number, height, width = images.shape[:3]
        area = chance.uniform(self.crop, 1, number)
        aspect = np.exp(chance.uniform(-ASPECT, ASPECT, number))
        places = chance.random((2, number))
        made = images
        for axis, length, side, place in (
            (1, height, np.sqrt(area / aspect), places[0]),
            (2, width, np.sqrt(area * aspect), places[1]),
        ):
            kept = np.where(wanted, np.minimum(side, 1), 1.0)
            made = _stretched(made, axis, kept * length, place * (1 - kept) * length)
        return made

    def coloured(
        self, images: NDArray[np.float32], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.float32]:
        """Images of values 0 to 255, shape (n, h, w, 3), with other brightness, contrast and saturation, or none."""
        if self.colour:
            images = self._jittered(images, wanted, chance)
        if self.grey:
            loses = wanted & (chance.random(len(images)) < self.grey)
            images = np.where(loses[:, None, None, None], images.mean(axis=3, keepdims=True), images)
        return images

    def _jittered(
        self, images: NDArray[np.float32], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.float32]:
        factors = 1 + self.colour * chance.uniform(-1, 1, (3, len(images), 1, 1, 1)).astype(np.float32)
        brightness, contrast, saturation = np.where(wanted[:, None, None, None], factors, np.float32(1))
        made = images * brightness
        middle = made.mean(axis=(1, 2, 3), keepdims=True)
        made = middle + contrast * (made - middle)
        grey = made.mean(axis=3, keepdims=True)
        coloured: NDArray[np.float32] = np.clip(grey + saturation * (made - grey), 0, 255)
        return coloured


def _stretched(
    images: NDArray[np.float32], axis: int, kept: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Along one side, what begins at `start` and is `kept` pixels long, at full length: linear between pixels."""
    length, number = images.shape[axis], np.arange(len(images))[:, None]
    at = start[:, None] + (np.arange(length) + 0.5) * kept[:, None] / length - 0.5
    at = np.clip(at, 0, length - 1)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, length - 1)
    share = np.expand_dims((at - low).astype(np.float32), (2, 3) if axis == 1 else (1, 3))
    one, other = (images[number, at] if axis == 1 else _columns(images, at) for at in (low, high))
    stretched: NDArray[np.float32] = one + share * (other - one)
    return stretched


def _columns(images: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float32]:
    """The columns `at`, shape (n, w), of each image."""
    taken: NDArray[np.float32] = np.take_along_axis(images, at[:, None, :, None], axis=2)
    return taken


def _places(length: int, shifts: NDArray[np.float64], is_flipped: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From which place along a side each pixel is taken, shape (n, length)."""
    last = length - 1
    places = np.arange(length) + np.rint(shifts * length).astype(np.int64)[:, None]
    places = np.where(is_flipped[:, None], last - places, places)
    return np.asarray(last - np.abs(last - np.abs(places)))  # mirrored at both ends


def augmented_classes(chosen: str | Sequence[str], counts: NDArray[np.int64], classes: Sequence[str]) -> set[int]:
    """Numbers of the classes whose images are changed.

    Parameters
    ----------
    chosen
        ``all``; ``minority``: those with fewer rows than the mean class; or names, all of `classes`.
    counts
        Rows a class, shape (K,).
    classes
        The K names.
    """
    if chosen == "all":
        return {*range(len(classes))}
    if chosen == "minority":
        return {int(code) for code in np.flatnonzero(counts < counts.mean())}
    return {classes.index(name) for name in chosen}
