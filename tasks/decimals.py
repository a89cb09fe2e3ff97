"""How figures are written for people, with three decimals."""

from __future__ import annotations

MOST = 6  # decimals that are kept in files (`tasks.statistics.interval`)


def decimal(value: float) -> str:
    """Three decimals."""
    return f"{value:.3f}"


def signed(value: float) -> str:
    """Three decimals with a sign; a value that rounds to 0 has none."""
    text = f"{value:+.3f}"
    return "0.000" if text in ("+0.000", "-0.000") else text


def signed_end(value: float, beside: float = 0.0) -> str:
    """The end of a difference's interval, as `signed`, with as many decimals as show on which side of `beside` it lies.

    So no verdict that hangs on the side contradicts the figures beside it. Of ends that are nearer than what is kept in
    files nothing more is shown.
    """
    for digits in range(3, MOST + 1):
        if round(value, digits) != round(beside, digits):
            return signed(value) if digits == 3 else f"{value:+.{digits}f}"
    return signed(value)


def percent(share: float) -> str:
    """A chance or share in whole percent; what is neither 0 nor 1 is never said to be."""
    whole = round(100 * share)
    return f"{whole if share in (0, 1) else min(99, max(1, whole))} %"
