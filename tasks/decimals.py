"""How figures are written for people, with three decimals."""

from __future__ import annotations


def decimal(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def signed(value: float) -> str:
    """Three decimals with a sign; a value that rounds to 0 has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def percent(share: float) -> str:
    """A chance or share in whole percent; what is neither 0 nor 1 is never said to be."""
    whole = round(100 * share)
    return f"{whole if share in (0, 1) else min(99, max(1, whole))} %"
