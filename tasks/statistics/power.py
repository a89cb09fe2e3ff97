"""Power: what so many images can show at all."""

from __future__ import annotations

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
    groups: Sequence[int], discordant: float, tests: int = 1, power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest difference in the mean of recalls, each class counted alike, that a paired test detects.

    The variance of the difference of two paired shares is p / n for a class of n independent images, of which the share
    p is answered differently (Connor 1987, without the small term in the difference); the classes are independent.

    Parameters
    ----------
    groups
        Independent images of each class, K of them, each above 0.
    discordant
        Share p of them of which exactly one strategy is right, in (0, 1].
    tests
        How many such differences are judged together: each has its share of the level (Bonferroni). Stepwise tests of
        differences to one baseline lose a little less.
    """
    least = NormalDist().inv_cdf(1 - level / tests / 2) + NormalDist().inv_cdf(power)
    return float(least * _spread(groups, [discordant] * len(groups)))


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


def _spread(groups: Sequence[int], discordant: Sequence[float]) -> float:
    """The standard error of the difference of two means of recalls."""
    return float(sum(share / number for share, number in zip(discordant, groups, strict=True)) ** 0.5 / len(groups))
