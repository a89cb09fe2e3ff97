"""One decoded image, as the checks of `explore` see it: decoded once, reduced once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

SIDE = 256  # pixels a side of the reduced view, so that images of all sizes are measured on the same scale


@dataclass(frozen=True)
class Picture:
    """An upright RGB image and its reduced grey view.

    Attributes
    ----------
    rgb
        The whole image, mode RGB, EXIF orientation applied.
    """

    rgb: Image.Image

    @cached_property
    def grey(self) -> np.ndarray:
        """Luminance (ITU-R 601), float32 in [0, 1], squashed to `SIDE` x `SIDE` pixels."""
        small = self.rgb.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)
        return np.asarray(small, dtype=np.float32) / 255
