"""Memorisation: are synthetic images nearer to what their model was fitted to than other real images are?

Distances are 1 - cosine of features, standardised over the real images. Three questions:

- *Nearer*: of one synthetic image, is the nearest image that its model has seen nearer than the nearest of as many
  that it has not? By chance as often as not, whatever the images look like.
- *Memorised*: is it nearer to what its model has seen than is usual for real images that the model has not? The border
  is a quantile of their distances, so that few real images would be accused (`FALSE_ALARMS`). The comparison with
  held-out images is that of Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in generative
  models, AISTATS 2020.
- *Near-copies*: does stage `group` take it for a relative of an image that its model has seen (`look_alikes`)?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.bootstrap import bootstrap_means
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import DECIMALS, Interval
from tasks.statistics.jackknife import jackknife
from tasks.statistics.scaling import unit_vectors
from tasks.statistics.shares import clustered_wilson, kish
from tasks.synthesize.gates.images import MOST, OfClass, codes

FALSE_ALARMS = 0.005  # of real images that would be called memorised
BLOCK = 512  # images whose distances to all others are in memory at a time
SMALLEST = 1e-6  # distance; what is nearer is rounding
DRAWS = 2000


@dataclass(frozen=True)
class Nearest:
    """The nearest image of some others.

    Attributes
    ----------
    distance
        Shape (n,), in [0, 2]; infinite where there are no others.
    place
        Which of the others, shape (n,); -1 where there are none.
    """

    distance: NDArray[np.float64]
    place: NDArray[np.int64]


def nearest(points: NDArray[np.float32], others: NDArray[np.float32]) -> Nearest:
    """The nearest of the `others`, shape (m, d), to each of the `points`, shape (n, d); the first of equals."""
    distance = np.full(len(points), np.inf)
    place = np.full(len(points), -1, dtype=np.int64)
    if len(others):
        directions, of_others = unit_vectors(points), unit_vectors(others)
        for start in range(0, len(points), BLOCK):
            cosines = directions[start : start + BLOCK] @ of_others.T
            best = cosines.argmax(axis=1)
            place[start : start + BLOCK] = best
            distance[start : start + BLOCK] = 1 - cosines[np.arange(len(best)), best]
    return Nearest(np.maximum(distance, 0), place)


def nearest_real(images: OfClass, among: NDArray[np.bool_]) -> Nearest:
    """The nearest real image to each synthetic one among those that `among`, shape (k, n), allows to its model."""
    distance = np.full(len(images.made), np.inf)
    place = np.full(len(images.made), -1, dtype=np.int64)
    for at in np.unique(images.model):
        own, allowed = images.model == at, np.flatnonzero(among[at])
        found = nearest(images.made[own], images.real[allowed])
        distance[own] = found.distance
        place[own] = allowed[found.place] if len(allowed) else -1
    return Nearest(distance, place)


@dataclass(frozen=True)
class Usual:
    """How near real images usually come to images that a model was fitted to, as each of the k models tells.

    Attributes
    ----------
    distances
        Of an unseen image to its nearest seen one, shape (m,).
    groups
        The group of that image, shape (m,), integers from 0.
    """

    distances: NDArray[np.float64]
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, images: OfClass) -> Usual:
        """Of one class, from up to `MOST` unseen images a model."""
        distances, rows = [np.empty(0)], [np.empty(0, dtype=np.int64)]
        for seen, unseen in zip(images.seen, images.unseen, strict=True):
            if seen.any():
                own = np.flatnonzero(unseen)[:MOST]
                distances.append(nearest(images.real[own], images.real[seen]).distance)
                rows.append(own)
        which = np.concatenate(rows)
        return cls(np.concatenate(distances), codes(images.groups[which]))

    @property
    def number(self) -> int:
        """How many groups of relatives."""
        return len(np.unique(self.groups))

    @property
    def middle(self) -> float:
        """The median distance."""
        return float(np.median(self.distances))

    @property
    def spread(self) -> float:
        """Their standard deviation: of what few images tell of a scale the most certain."""
        return max(SMALLEST, float(self.distances.std()))


@dataclass(frozen=True)
class Border:
    """From which distance on an image is not called memorised.

    Attributes
    ----------
    distance
        The border.
    false_alarms
        The share of real images that are expected to lie below it.
    """

    distance: float
    false_alarms: float


def border(label: str, usual: Mapping[str, Usual]) -> Border | None:
    """The border of a class: the quantile `FALSE_ALARMS` of its own real images.

    A class of too few groups to tell so small a share takes the quantile of all classes together, on the scale of each:
    distances as multiples of the class's spread from its median. Where all together are too few, it is the share that
    one in all of them is. None where the class has fewer than `FEWEST_GROUPS` groups, to tell even its median.

    Parameters
    ----------
    label
        The class.
    usual
        Of each class.
    """
    own = usual[label]
    if own.number < FEWEST_GROUPS:
        return None
    told = [own]
    if own.number < 1 / FALSE_ALARMS:
        told = [one for one in usual.values() if one.number >= FEWEST_GROUPS]
    values = np.sort(np.concatenate([(one.distances - one.middle) / one.spread for one in told]))
    expected = max(FALSE_ALARMS, 1 / (sum(one.number for one in told) + 1))
    value = float(values[max(1, int(expected * (len(values) + 1))) - 1])
    return Border(max(SMALLEST, value * own.spread + own.middle), expected)


@dataclass(frozen=True)
class Memorisation:
    """How much a generator repeats what it was fitted to.

    Attributes
    ----------
    images
        How many synthetic images.
    near_copies
        Share that stage `group` would take for relatives of images that their models have seen.
    nearer
        Share whose nearest seen image is nearer than the nearest of as many unseen ones; one half by chance.
    memorised
        Share that lies nearer to the seen images than `border`.
    false_alarms
        Share of unseen real images that do, as it was found; `expected` is the share that the border was chosen for.
    expected, border
        See `Border`.
    to_seen, to_unseen, usual
        Median distances: of synthetic images to the nearest seen and unseen one, of unseen ones to the nearest seen.
    reason
        Why the last seven are None; empty where they are not.
    """

    images: int
    near_copies: Interval
    nearer: Interval | None = None
    memorised: Interval | None = None
    false_alarms: Interval | None = None
    expected: float | None = None
    border: float | None = None
    to_seen: float | None = None
    to_unseen: float | None = None
    usual: float | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it under the names of the attributes."""
        found = {}
        for name, value in vars(self).items():
            rounded = round(value, DECIMALS) if isinstance(value, float) else value
            found[name] = value.as_json() if isinstance(value, Interval) else rounded
        return found


def memorisation(
    images: OfClass, to_seen: Nearest, copied: NDArray[np.bool_], usual: Usual, limit: Border | None
) -> Memorisation:
    """Measure it in one class.

    Parameters
    ----------
    images
        Of the class, some of them synthetic.
    to_seen
        `nearest_real` of the seen images.
    copied
        Which synthetic images are near-copies by likeness, shape (m,).
    usual
        Of this class.
    limit
        The class's `border`.
    """
    near_copies = share(copied, images.units)
    if limit is None:
        why = (
            "no real images are left that the models have not seen"
            if not images.unseen.any()
            else f"fewer than {FEWEST_GROUPS} groups of relatives that the models have not seen"
        )
        return Memorisation(len(images.made), near_copies, reason=why)
    return Memorisation(
        len(images.made),
        near_copies,
        _nearer(images.head()),
        share(to_seen.distance < limit.distance, images.units),
        share(usual.distances < limit.distance, usual.groups),
        limit.false_alarms,
        limit.distance,
        float(np.median(to_seen.distance)),
        float(np.median(nearest_real(images, images.unseen).distance)),
        usual.middle,
    )


def share(hit: NDArray[np.bool_], units: NDArray[np.int64]) -> Interval:
    """The share of images, with an interval in which those of one unit are drawn together.

    It says what more images of the same models would give.
    """
    values = hit.astype(np.float64)
    draws = bootstrap_means(values[None], units, DRAWS)
    least, most = np.array([kish(np.bincount(units))]), np.array([float(len(hit))])
    low, high = clustered_wilson(values.mean(keepdims=True), draws, least, most)
    return Interval(float(values.mean()), float(low[0]), float(high[0]))


def _nearer(images: OfClass) -> Interval:
    """See `Memorisation.nearer`: the mean over the folds of unseen images, each compared in the number of both."""
    distances = 1 - unit_vectors(images.made) @ unit_vectors(images.real).T

    def statistic(kept: Sequence[NDArray[np.bool_]]) -> NDArray[np.float64]:
        nearer, total = 0.0, 0
        for at in np.unique(images.model):
            own = distances[kept[0] & (images.model == at)]
            seen = np.flatnonzero(images.seen[at] & kept[1])
            for fold in np.unique(images.folds[images.unseen[at]]):
                unseen = np.flatnonzero(images.unseen[at] & kept[1] & (images.folds == fold))
                number = min(len(seen), len(unseen))
                if number and len(own):
                    left, right = own[:, seen[:number]].min(axis=1), own[:, unseen[:number]].min(axis=1)
                    nearer += float((left < right).sum() + (left == right).sum() / 2)
                    total += len(own)
        return np.array([nearer / total if total else np.nan])

    samples = [(images.model, images.units), (codes(images.folds), images.groups)]
    trials = min(kish(np.bincount(images.units)), kish(np.bincount(images.groups)))
    return jackknife(statistic, samples).share(0, trials)
