"""The margin: how small a difference doesn't matter, the same for metrics near 0 and near 1."""

from __future__ import annotations


def margin_at(value: float, share: float) -> float:
    """The difference to a metric that changes its odds, value / (1 - value), by a share, to the first order.

    A doubling from .014 to .028 matters, and so does the step from .95 to .975, which halves the errors; .02 more or
    less at .5 may not.

    Parameters
    ----------
    value
        Of a metric up to 1. Below 0, as the cost that is avoided can lie, there are no odds, and all differences
        matter.
    share
        Of the odds, above 0.
    """
    return share * max(value, 0.0) * (1 - value)
