"""Power: what so many images can show at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

POWER, LEVEL = 0.8, 0.05


def detectable_difference(n: int, discordant: float, power: float = POWER, level: float = LEVEL) -> float | None:
    """The smallest difference of two paired shares that McNemar's test detects.

    Solves Connor's formula (Biometrics 43 (1987), 207-211) for the difference d: with the share p of pairs that are
    answered differently, ``sqrt(n) d = z(1 - level/2) sqrt(p) + z(power) sqrt(p - d^2)``.

    Parameters
    ----------
    n
        Independent pairs.
    discordant
        Share p of pairs of which exactly one is right, in (0, 1].

    Returns
    -------
    float or None
        In (0, p]; nothing where even d = p, all of them for the better, would be missed.
    """
    z_level, z_power = NormalDist().inv_cdf(1 - level / 2), NormalDist().inv_cdf(power)
    # Squared, this is a d^2 - b d + c = 0 with the positive root below.
    a, b, c = n + z_power**2, 2 * z_level * (n * discordant) ** 0.5, discordant * (z_level**2 - z_power**2)
    root = b**2 - 4 * a * c
    difference = (b + root**0.5) / (2 * a) if root >= 0 else 1.0
    return difference if difference <= discordant else None


def detectable_mean_difference(
    groups: Sequence[int],
    discordant: float | Sequence[float],
    tests: int = 1,
    power: float = POWER,
    level: float = LEVEL,
) -> float:
    """The smallest difference in the mean of recalls, each class counted alike, that a paired test detects.

    The variance of the difference of two paired shares is p / n for a class of n independent images, of which the share
    p is answered differently (Connor 1987, without the small term in the difference); the classes are independent.

    Parameters
    ----------
    groups
        Independent images of each class, K of them, each above 0.
    discordant
        Share p of them of which exactly one strategy is right, in (0, 1]; one for all classes, or one each.
    tests
        How many such differences are judged together: each has its share of the level (Bonferroni). Stepwise tests of
        differences to one baseline lose a little less.
    """
    least = NormalDist().inv_cdf(1 - level / tests / 2) + NormalDist().inv_cdf(power)
    shares = [discordant] * len(groups) if isinstance(discordant, float) else discordant
    return float(least * _spread(groups, shares))


def power_of_mean_difference(
    difference: float, groups: Sequence[int], discordant: Sequence[float], tests: int = 1, level: float = LEVEL
) -> float:
    """How often a difference in the mean of recalls is found for the better; parameters as above.

    Parameters
    ----------
    difference
        In the mean, in truth.
    discordant
        Of each class.
    """
    least = NormalDist().inv_cdf(1 - level / tests / 2)
    return NormalDist().cdf(difference / _spread(groups, discordant) - least)


def fewest_more(
    groups: Sequence[int],
    discordant: Sequence[float],
    difference: float,
    tests: int = 1,
    power: float = POWER,
    level: float = LEVEL,
) -> list[int]:
    """How many more independent images of each class let a paired test find a difference in the mean of recalls.

    The fewest in all that do, by the formula of `detectable_mean_difference` with a share of its own for each class:
    the classes that limit most are brought to numbers in proportion to the square roots of their shares, which is
    where a further image tells equally much of each.

    Parameters
    ----------
    groups
        Independent images of each class, K of them, each above 0.
    discordant
        Share of each class's of which exactly one strategy is right, 0 or above.
    difference
        What is to be found, above 0.
    tests
        How many such differences are judged together.
    """
    z = NormalDist().inv_cdf(1 - level / tests / 2) + NormalDist().inv_cdf(power)
    left = (difference * len(groups) / z) ** 2  # what the variances of the classes may sum to
    roots = [share**0.5 for share in discordant]
    left -= (len(groups) * _spread(groups, discordant)) ** 2
    if left >= 0:
        return [0] * len(groups)
    scale, raised = 0.0, 0.0
    order = sorted((at for at, root in enumerate(roots) if root), key=lambda at: (groups[at] / roots[at], at))
    for place, at in enumerate(order):
        left, raised = left + discordant[at] / groups[at], raised + roots[at]
        scale = raised / left if left > 0 else math.inf
        following = order[place + 1 : place + 2]
        if all(scale <= groups[other] / roots[other] for other in following):
            break
    # Rounding may leave a whole number a hair too large.
    wanted = [math.ceil(scale * root - 1e-9) for root in roots]
    return [max(0, number - now) for number, now in zip(wanted, groups, strict=True)]


def _spread(groups: Sequence[int], discordant: Sequence[float]) -> float:
    """The standard error of the difference of two means of recalls."""
    return float(sum(share / number for share, number in zip(discordant, groups, strict=True)) ** 0.5 / len(groups))
