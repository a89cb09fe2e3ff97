"""The margin: how small a difference doesn't matter, the same for metrics near 0 and near 1."""

from __future__ import annotations


def margin_at(value: float, share: float) -> float:
    """The difference to a metric that changes its odds, value / (1 - value), by a share, to the first order.

    A doubling from .014 to .028 matters, and so does the step from .95 to .975, which halves the errors; .02 more or
    less at .5 may not.

    Parameters
    ----------
    value
        Of a metric in [0, 1].
    share
        Of the odds, above 0.
    """
    return share * value * (1 - value)
