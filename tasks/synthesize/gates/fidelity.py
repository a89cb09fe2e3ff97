"""Fidelity and diversity: how near the synthetic images of a class are to real ones that their models have not seen.

KID, the squared maximum mean discrepancy with the polynomial kernel (k(x, y) = (x.y / d + 1)^3, Binkowski, Sutherland,
Arbel and Gretton, Demystifying MMD GANs, ICLR 2018) of features of the length sqrt(d), is (1 + cosine)^3 summed: what
a few far images do to a cube is bounded. It is estimated without bias from all pairs, so that few images make
it uncertain, not large, as they do FID. Precision and recall (Kynkaanniemi, Karras, Laine, Lehtinen and Aila, NeurIPS
2019), density and coverage (Naeem, Oh, Uh, Choi and Yoo, ICML 2020) ask who lies within whose nearest neighbours.

Each number stands beside its *reference*: what other real images would get, those that the model was fitted to. Where
a number hangs on how many images there are, both are taken in the same number. Intervals are from a jackknife over
groups of relatives, and pairs of relatives are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.statistics.jackknife import jackknife
from tasks.statistics.scaling import unit_vectors
from tasks.statistics.shares import kish
from tasks.synthesize.gates.images import OfClass, codes

NEIGHBOURS = 5  # as Naeem et al. take
SHARE = 4  # the neighbours are at most one in so many of the images
NAMES = ("kid", "precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Fidelity:
    """How the synthetic images of a class compare with real ones.

    Attributes
    ----------
    images, unseen, seen
        How many synthetic images, and real ones that their models have not seen and have, were compared.
    neighbours
        How many nearest neighbours make up the surroundings of an image.
    values, references
        Of each of `NAMES`, of the synthetic images and of real ones in their place.
    """

    images: int
    unseen: int
    seen: int
    neighbours: int
    values: dict[str, Interval]
    references: dict[str, Interval]

    def as_json(self) -> dict[str, Any]:
        """All of it; each of `NAMES` as its interval, with another one as ``reference``."""
        return {
            "images": self.images,
            "unseen": self.unseen,
            "seen": self.seen,
            "neighbours": self.neighbours,
            **{name: self.values[name].as_json() | {"reference": self.references[name].as_json()} for name in NAMES},
        }


def fidelity(images: OfClass) -> Fidelity | str:
    """Compare the first images of a class with each other; in a sentence why not, where they are too few."""
    images = images.head()
    models = [
        at
        for at in np.unique(images.model)
        if (images.model == at).sum() >= 2
        and images.seen[at].sum() >= 2
        and len(np.unique(images.groups[images.unseen[at]])) >= FEWEST_GROUPS
    ]
    used = np.isin(images.model, models)
    if not models:
        return (
            "no model has made two images, was fitted to two, and left "
            f"{FEWEST_GROUPS} groups of relatives unseen to compare with"
        )
    images = images.take(used)
    units = len(np.unique(images.units))
    if units < FEWEST_GROUPS:
        return f"{units} independent synthetic images are too few, {FEWEST_GROUPS} are needed"
    fewest = min(min(_in_turn(images, at)[1], int(images.unseen[at].sum())) for at in models)
    neighbours = max(1, min(NEIGHBOURS, fewest // SHARE))
    compared = _Compared.of(images, models, neighbours)
    strata = codes(images.folds)
    found = jackknife(compared, [(images.model, images.units), (strata, images.groups)])
    real = images.unseen[models].any(axis=0)
    independent = kish(np.bincount(images.groups[real]))
    trials = {"precision": kish(np.bincount(images.units)), "recall": independent, "coverage": independent}
    intervals = [
        found.share(at, trials[name]) if name in trials else found.interval(at)
        for at, name in enumerate([*NAMES, *NAMES])
    ]
    return Fidelity(
        len(images.made),
        int(real.sum()),
        int(images.seen[models].any(axis=0).sum()),
        neighbours,
        dict(zip(NAMES, intervals[: len(NAMES)], strict=True)),
        dict(zip(NAMES, intervals[len(NAMES) :], strict=True)),
    )


def kernel(one: np.ndarray, other: np.ndarray) -> NDArray[np.float64]:
    """The polynomial kernel of KID of all pairs of rows, shape (m, n)."""
    product = one.astype(np.float64) @ other.astype(np.float64).T
    return np.asarray((product / one.shape[1] + 1) ** 3)


def discrepancy(
    within_one: np.ndarray, within_other: np.ndarray, across: np.ndarray, one: np.ndarray, other: np.ndarray
) -> float:
    """The squared maximum mean discrepancy of two samples, without bias; NaN where one has no pair.

    Parameters
    ----------
    within_one, within_other, across
        The kernel of all pairs, shape (m, m), (n, n) and (m, n).
    one, other
        The groups of the rows, shape (m,) and (n,). Pairs of one group are left out, a row with itself among them.
    """
    apart, others_apart = one[:, None] != one[None, :], other[:, None] != other[None, :]
    if not (apart.any() and others_apart.any()):
        return float("nan")
    own = (within_one * apart).sum() / apart.sum()
    theirs = (within_other * others_apart).sum() / others_apart.sum()
    return float(own + theirs - 2 * across.mean())


def reach(distances: np.ndarray, groups: np.ndarray, neighbours: int) -> NDArray[np.float64]:
    """How far from each image of n its nearest `neighbours` reach that are no relatives of it, shape (n,)."""
    far = np.where(groups[:, None] == groups[None, :], np.inf, distances)
    if neighbours > len(far):
        return np.full(len(far), np.inf)
    return np.asarray(np.partition(far, neighbours - 1, axis=1)[:, neighbours - 1])


def surrounded(across: np.ndarray, real_reach: np.ndarray, neighbours: int) -> tuple[float, float, float]:
    """Precision, density and coverage.

    Parameters
    ----------
    across
        Distances of real and synthetic images, shape (n, m).
    real_reach
        Of each real image, shape (n,).
    neighbours
        How many reach so far.
    """
    inside = across < real_reach[:, None]
    return (
        float(inside.any(axis=0).mean()),
        float(inside.sum(axis=0).mean() / neighbours),
        float(inside.any(axis=1).mean()),
    )


@dataclass(frozen=True)
class _Compared:
    """The pairs of one class, for statistics of any part of them."""

    images: OfClass
    models: Sequence[int]
    neighbours: int
    kernels: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]  # synthetic, real, across
    distances: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

    @classmethod
    def of(cls, images: OfClass, models: Sequence[int], neighbours: int) -> _Compared:
        ours, theirs = unit_vectors(images.made), unit_vectors(images.real)
        long = np.float32(np.sqrt(ours.shape[1]))
        one, other = ours * long, theirs * long
        return cls(
            images,
            models,
            neighbours,
            (kernel(one, one), kernel(other, other), kernel(one, other)),
            (1 - ours @ ours.T, 1 - theirs @ theirs.T, 1 - ours @ theirs.T),
        )

    def __call__(self, kept: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
        """`NAMES` of the synthetic images, then of real ones in their place, of what is kept of both kinds."""
        found, weights = [], []
        for at in self.models:
            made = np.flatnonzero(kept[0] & (self.images.model == at))
            seen, unseen = (np.flatnonzero(kept[1] & own[at]) for own in (self.images.seen, self.images.unseen))
            if min(len(made), len(seen), len(unseen)) < 2:
                continue
            found.append(self._one(made, seen, unseen))
            weights.append(len(made))
        if not found:
            return np.full(2 * len(NAMES), np.nan)
        values, weight = np.array(found), np.array(weights, dtype=np.float64)[:, None]
        known = ~np.isnan(values)
        total = (known * weight).sum(axis=0)
        sums = np.where(known, values * weight, 0).sum(axis=0)
        return np.asarray(np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0))

    def _one(self, made: NDArray[np.int64], seen: NDArray[np.int64], unseen: NDArray[np.int64]) -> list[float]:
        """Of one model."""
        images, (own, real, across) = self.images, self.kernels
        groups, units = images.groups, images.units
        theirs = real[np.ix_(unseen, unseen)], groups[unseen]
        kid = discrepancy(own[np.ix_(made, made)], theirs[0], across[np.ix_(made, unseen)], units[made], theirs[1])
        kid_of_real = discrepancy(
            real[np.ix_(seen, seen)], theirs[0], real[np.ix_(seen, unseen)], groups[seen], theirs[1]
        )
        near, near_real, between = self.distances
        far = reach(near_real[np.ix_(unseen, unseen)], groups[unseen], self.neighbours)
        number = min(len(made), len(seen))
        between = between[np.ix_(made, unseen)].T
        real_between = near_real[np.ix_(unseen, seen)]
        shares = self._shares(between, near[np.ix_(made, made)], units[made], far, number)
        of_real = self._shares(real_between, near_real[np.ix_(seen, seen)], groups[seen], far, number)
        return [kid, *shares, kid_of_real, *of_real]

    def _shares(
        self, across: np.ndarray, within: np.ndarray, groups: np.ndarray, far: np.ndarray, number: int
    ) -> list[float]:
        """Precision, recall, density and coverage: recall and coverage by `number` images at a time."""
        precision, density, _ = surrounded(across, far, self.neighbours)
        recalls, coverages = [], []
        for part in _parts(across.shape[1], number):
            own = reach(within[part, part], groups[part], self.neighbours)
            recalls.append((across[:, part] < own[None, :]).any(axis=1).mean())
            coverages.append(surrounded(across[:, part], far, self.neighbours)[2])
        return [precision, float(np.mean(recalls)), density, float(np.mean(coverages))]


def _in_turn(images: OfClass, model: int) -> tuple[int, int]:
    """How many images a model has made, and how many of them are taken at a time."""
    made = int((images.model == model).sum())
    return made, min(made, int(images.seen[model].sum()))


def _parts(total: int, number: int) -> Iterator[slice]:
    """Parts of `number` each, as many as there are whole ones."""
    for start in range(0, total - number + 1, number):
        yield slice(start, start + number)
