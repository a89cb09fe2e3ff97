"""Transforms: the changes that the literature on augmentation lists, one small file each.

A transform knows its magnitude in a unit that people think in, and which call of albumentations it is. Presets are
composed of transforms; the preset `listed` takes them by name. What all have in common: borders are filled by
reflection, never with black, the size stays, and transparency moves with the image.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from pydantic import Field

from tasks.balance.steps import Step
from tasks.registry import Component

REFLECT = 4  # cv2.BORDER_REFLECT_101: the pixel at the border is not doubled
NEAREST = 0  # cv2.INTER_NEAREST
LINEAR = 1  # cv2.INTER_LINEAR
LONGEST = 32_766  # pixels a side that cv2.remap can take


class Transform(Component):
    """One kind of change, with its magnitudes and the probability with which it happens."""

    kind: ClassVar[str] = "transform"

    p: float = Field(0.5, ge=0, le=1, description="Probability with which a new image is changed so.")

    @abstractmethod
    def step(self, strength: float = 1.0, why: str = "") -> Step:
        """The step of a pipeline.

        Parameters
        ----------
        strength
            Factor of the magnitudes, above 0; what is then beyond the possible is cut to it. The probability stays.
        why
            Why the change keeps the label of the images at hand.
        """


def around(centre: float, reach: float) -> list[float]:
    """The range from `centre` - `reach` to `centre` + `reach`."""
    return [round(centre - reach, 6), round(centre + reach, 6)]


def up_to(magnitude: float) -> list[float]:
    """The range from a fifth of a magnitude to all of it: what is done can always be told from nothing."""
    return [round(magnitude / 5, 6), round(magnitude, 6)]
