"""The bootstrap: what other images, and training again, would have given, from draws among those that there are.

Relatives stay together: a draw takes whole groups with replacement, as many as there are. `drawn_groups` draws them
just so. `Bootstrap` draws within class strata, so that classes keep their size (a stratified cluster bootstrap: Davison
and Hinkley, Bootstrap Methods and their Application, 1997, sections 3.2 and 3.8; Field and Welsh, JRSS B 69, 2007). A
group stands in the stratum of the rarest class in it, so that every draw holds as many groups with the rarest class
as the data do.

It draws fits as well, so that the noise of training counts: an interval then speaks of what training again would
give, not of these very weights. Of S fits S - 1 are drawn, with replacement: with a handful of fits a draw of S would
understate their variance by the factor (S - 1) / S (Rao and Wu, JASA 83, 1988). From a single fit nothing can be learnt
of that noise, and its share is then missing from the interval. Where the folds were drawn several times, whole repeats
of the cross-validation are drawn instead, R - 1 of the R, since the fits of one have its folds in common.

All strategies are weighted alike, images and fits, so that comparisons are paired. Each draw has a random stream of
its own, so that chunks, which bound the memory, don't matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

CELLS = 2**19  # weights held at once: 2 MB, so that they stay in the processor's cache

# From whole-numbered weights of the images, shape (n, b), to named values, shape (S, ..., b): of each fit under each.
Statistic = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Bootstrap:
    """A reproducible series of draws of the same images and fits.

    Attributes
    ----------
    groups
        Shape (n,): code of the group of each image.
    order
        Shape (G,): the groups, those of a stratum side by side.
    start, size
        Shape (G,): for each place in `order`, where its stratum starts and how many groups it has.
    fits
        Number of fits S; those of the R repeats of the cross-validation take turns.
    count
        Number of draws B.
    seed
        Seed of the series.
    repeats
        Number of repeats R, each of as many fits.
    """

    groups: np.ndarray
    order: np.ndarray
    start: np.ndarray
    size: np.ndarray
    fits: int
    count: int
    seed: int
    repeats: int = 1

    @classmethod
    def of(
        cls, labels: np.ndarray, groups: np.ndarray, fits: int, count: int, seed: int, repeats: int = 1
    ) -> Bootstrap:
        """Prepare `count` draws of images and fits.

        Parameters
        ----------
        labels, groups
            Code of the class and of the group of each image, shape (n,), integers from 0.
        fits, count, seed, repeats
            See the attributes.
        """
        rank = np.argsort(np.argsort(np.bincount(labels), kind="stable"))
        stratum = np.full(groups.max() + 1, len(rank))
        np.minimum.at(stratum, groups, rank[labels])
        order = np.argsort(stratum, kind="stable")
        sizes = np.bincount(stratum, minlength=len(rank))
        starts = np.cumsum(sizes) - sizes
        return cls(groups, order, starts[stratum[order]], sizes[stratum[order]], fits, count, seed, repeats)

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield weights of the images, shape (n, b), and of the fits, shape (S, b), until all B are drawn.

        An image's weight is how often its group was drawn; the weights of the fits sum to 1.
        """
        step = max(1, CELLS // len(self.groups))
        for first in range(0, self.count, step):
            draws = [self._draw(number) for number in range(first, min(first + step, self.count))]
            times_drawn = np.stack([groups for groups, _ in draws], axis=1).astype(np.int32)
            yield times_drawn[self.groups], np.stack([fits for _, fits in draws], axis=1)

    def _draw(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        stream = np.random.default_rng([self.seed, number])
        chosen = self.order[self.start + stream.integers(self.size)]
        drawn = np.bincount(chosen, minlength=len(self.order))
        units = self.repeats if self.repeats > 1 else self.fits
        draws = max(1, units - 1)
        times = np.bincount(stream.integers(units, size=draws), minlength=units)
        return drawn, times[np.arange(self.fits) % units] / (draws * self.fits / units)


@dataclass(frozen=True)
class Estimate:
    """A statistic, averaged over the fits.

    Attributes
    ----------
    value
        On the data as they are; any shape.
    draws
        On each draw; the shape of `value` and a last axis of length B. NaN where a draw lacks the class, which
        happens only where groups mix classes.
    """

    value: np.ndarray
    draws: np.ndarray


def estimate(statistics: Sequence[Statistic], bootstrap: Bootstrap) -> list[dict[str, Estimate]]:
    """Compute statistics on the data and on every draw.

    All statistics see the same weights, so that the draws of two strategies may be subtracted from each other.
    """
    as_they_are = np.ones((len(bootstrap.groups), 1), dtype=np.int32)
    values = [
        {name: value.mean(axis=0)[..., 0] for name, value in statistic(as_they_are).items()} for statistic in statistics
    ]
    collected: list[dict[str, list[np.ndarray]]] = [{name: [] for name in of_one} for of_one in values]
    for images, fits in bootstrap.chunks():
        for statistic, into in zip(statistics, collected, strict=True):
            for name, drawn in statistic(images).items():
                into[name].append(np.einsum("s...b,sb->...b", drawn, fits))
    return [
        {name: Estimate(of_one[name], np.concatenate(parts, axis=-1)) for name, parts in into.items()}
        for of_one, into in zip(values, collected, strict=True)
    ]


def percentiles(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the bootstrap percentile interval over the last axis of `draws`, which is left out where it is NaN.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=-1)
    return low, high


def drawn_groups(number: int, draws: int, seed: int = 0) -> np.ndarray:
    """How often each of `number` groups is drawn in each draw, shape (draws, number)."""
    stream = np.random.default_rng(seed)
    return stream.multinomial(number, np.full(number, 1 / number), size=draws)


def bootstrap_means(values: np.ndarray, groups: np.ndarray, draws: int) -> np.ndarray:
    """Means over images when whole groups are drawn.

    Parameters
    ----------
    values
        Shape (m, n).
    groups
        Shape (n,), integers from 0.

    Returns
    -------
    numpy.ndarray
        Shape (m, draws).
    """
    weights = drawn_groups(int(groups.max()) + 1, draws)
    sums = np.stack([np.bincount(groups, row, minlength=weights.shape[1]) for row in values])
    means: np.ndarray = (sums @ weights.T) / (weights @ np.bincount(groups))
    return means
