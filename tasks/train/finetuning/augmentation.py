"""Changes of a batch of images as it comes: flips, shifted crops and colour, all images at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


class Augment(BaseModel):
    """How images are changed anew in every epoch.

    Attributes
    ----------
    flip, shift, colour
        See the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)
    flip: Literal["none", "horizontal", "both"] = Field("horizontal", description="Mirrored in half of the draws.")
    shift: float = Field(0.125, ge=0, le=0.5, description="Share of a side by which a crop is shifted, at most.")
    colour: float = Field(
        0.0, ge=0, lt=1, description="By which share brightness, contrast and saturation change, at most."
    )

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

    def coloured(
        self, images: NDArray[np.float32], wanted: NDArray[np.bool_], chance: np.random.Generator
    ) -> NDArray[np.float32]:
        """Images of values 0 to 255, shape (n, h, w, 3), with other brightness, contrast and saturation."""
        if not self.colour:
            return images
        factors = 1 + self.colour * chance.uniform(-1, 1, (3, len(images), 1, 1, 1)).astype(np.float32)
        brightness, contrast, saturation = np.where(wanted[:, None, None, None], factors, np.float32(1))
        made = images * brightness
        middle = made.mean(axis=(1, 2, 3), keepdims=True)
        made = middle + contrast * (made - middle)
        grey = made.mean(axis=3, keepdims=True)
        coloured: NDArray[np.float32] = np.clip(grey + saturation * (made - grey), 0, 255)
        return coloured


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
