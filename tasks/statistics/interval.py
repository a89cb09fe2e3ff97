"""An interval: a value between the ends of what it may be in truth."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE = 0.95  # level of intervals where no parameter says another
DECIMALS = 6  # of what is written: more would be noise, and would differ between linear algebra libraries


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """The three numbers, rounded, under the names that all reports use."""
        return {
            "value": round(float(self.value), DECIMALS),
            "low": round(float(self.low), DECIMALS),
            "high": round(float(self.high), DECIMALS),
        }
