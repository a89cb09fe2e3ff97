"""Coordinates of the report's drawings; the templates draw them as SVG, with selectable text."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A straight map from values to pixels.

    Attributes
    ----------
    low, high
        Values at the two ends.
    start, end
        Pixels at the two ends.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of `value`, to a tenth; values beyond the ends are drawn at the ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round values between the ends, four to nine of them, 0 among them where it lies between."""
        rough = (self.high - self.low) / 6
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 10) for number in range(first, last + 1)]


def difference_scale(lows: list[float], highs: list[float], margin: float, start: float, end: float) -> Scale:
    """A scale that shows all intervals, 0 and the margin, with a little air."""
    least = max(margin, 0.01)  # where nothing differs, and no margin can be told, there is a scale still
    low, high = min([*lows, -least]), max([*highs, least])
    air = 0.05 * (high - low)
    return Scale(low - air, high + air, start, end)
